package demo

// taste is a kind of person. Everything about a taste that is not a number is for people to read.
type taste struct {
	about   string // completes “somebody who likes ...”
	example string // the name of its first user
	users   int    // how many have it for their main taste

	// likes maps names of [engine.Statistics] to how much they attract; below 0 they repel. Around 2 is what the taste is
	// named for, below 1 goes along with it.
	likes map[string]float64
	// crowd is how much it counts that many others watch something: 0 not at all, 0.5 for those who watch the hits.
	crowd float64
	// season is the share of entries that are watched as they air.
	season float64
	// length is the length of a typical list.
	length int

	heads []string // how the names of its users begin
}

// tastes are who lives in the demo. Everybody's list is drawn from their name and what they like, so another number of
// users or another word for one taste leaves the people of the other tastes as they are.
var tastes = []taste{
	{
		about: "mecha and space wars, the older the better", example: "mecha-miso", users: 20,
		likes: map[string]float64{
			"Mecha": 2.6, "Space": 1.1, "Military": 1.1, "Sci-Fi": 0.9, "1980s and before": 0.8, "1990s": 0.5,
			"about 48 episodes": 0.4, "Romance": -0.4, "CGDCT": -0.8,
		},
		crowd: 0.15, season: 0.2, length: 75,
		heads: []string{"mecha", "gear", "pilot", "hangar", "cockpit", "bolt", "beam", "titan"},
	},
	{
		about: "quiet everyday life, tea and countryside", example: "quiet_tanuki", users: 24,
		likes: map[string]float64{
			"Slice of Life": 2.2, "Iyashikei": 1.8, "CGDCT": 1.3, "Childcare": 1, "Workplace": 0.5, "about 12 episodes": 0.5,
			"Gore": -2, "Military": -1, "Suspense": -1, "Action": -0.9,
		},
		crowd: 0.2, season: 0.4, length: 65,
		heads: []string{"quiet", "cozy", "slow", "tea", "nap", "picnic", "kotatsu", "drizzle"},
	},
	{
		about: "sports, from the first practice to the last match", example: "overtime-otter", users: 18,
		likes: map[string]float64{
			"Sports": 3.4, "Team Sports": 0.9, "Combat Sports": 0.6, "School": 0.5, "Shounen": 0.4, "Fantasy": -0.6,
			"Horror": -1, "Sci-Fi": -0.5,
		},
		crowd: 0.3, season: 0.4, length: 55,
		heads: []string{"overtime", "sprint", "smash", "inning", "relay", "goal", "rally", "dribble"},
	},
	{
		about: "long battles, friendship and ever stronger rivals", example: "punchy-pudding", users: 34,
		likes: map[string]float64{
			"Shounen": 1.8, "Action": 1.3, "Adventure": 0.7, "Super Power": 0.8, "Martial Arts": 0.6, "about 48 episodes": 0.7,
			"Romance": -0.5, "1 episode": -0.6, "CGDCT": -1,
		},
		crowd: 0.5, season: 0.5, length: 70,
		heads: []string{"punchy", "rival", "arc", "final", "nakama", "training", "powerup", "fist"},
	},
	{
		about: "films, seen in one evening and thought about for a week", example: "matinee-moth", users: 18,
		likes: map[string]float64{
			"1 episode": 3, "Award Winning": 1.2, "G": 0.4, "Fantasy": 0.3, "Drama": 0.3, "about 48 episodes": -1.2,
			"Shounen": -0.5, "about 24 episodes": -0.5,
		},
		crowd: 0.25, season: 0.2, length: 55,
		heads: []string{"matinee", "reel", "popcorn", "cinema", "ticket", "foyer", "premiere", "usher"},
	},
	{
		about: "isekai, and every new season of it", example: "truck_survivor", users: 30,
		likes: map[string]float64{
			"Isekai": 2.6, "Reincarnation": 1, "Video Game": 1, "Fantasy": 1, "2020s": 0.9, "2010s": 0.4, "Adventure": 0.4,
			"1990s": -1, "1980s and before": -2, "1 episode": -0.7,
		},
		crowd: 0.35, season: 0.8, length: 65,
		heads: []string{"truck", "slime", "guild", "levelup", "portal", "respawn", "mana", "skill"},
	},
	{
		about: "the nineties and before, on worn-out tapes", example: "vhs-badger", users: 14,
		likes: map[string]float64{
			"1990s": 2.6, "1980s and before": 2.2, "about 6 episodes": 0.6, "Adventure": 0.4, "Sci-Fi": 0.2, "2020s": -2.5,
			"2010s": -1.8,
		},
		crowd: 0.1, season: 0, length: 85,
		heads: []string{"vhs", "rewind", "tape", "laserdisc", "cel", "retro", "static", "crt"},
	},
	{
		about: "mind games, twists and schemes", example: "twist-turnip", users: 24,
		likes: map[string]float64{
			"Psychological": 2, "Suspense": 1.8, "Mystery": 0.8, "High Stakes Game": 0.8, "Survival": 0.6, "Time Travel": 0.6,
			"Comedy": -0.9, "Slice of Life": -0.9, "Kids": -2,
		},
		crowd: 0.4, season: 0.4, length: 60,
		heads: []string{"twist", "gambit", "plot", "clue", "scheme", "chess", "paradox", "motive"},
	},
	{
		about: "grown-up romance and women in their own lives", example: "last-train-tea", users: 14,
		likes: map[string]float64{
			"Josei": 2.6, "Romance": 1.3, "Adult Cast": 1.2, "Drama": 0.6, "Visual Arts": 0.6, "Performing Arts": 0.6,
			"Boys Love": 0.6, "Girls Love": 0.6, "Shounen": -1, "Mecha": -1, "Ecchi": -1.2, "Kids": -1,
		},
		crowd: 0.15, season: 0.3, length: 50,
		heads: []string{"latte", "novel", "rooftop", "velvet", "letter", "wine", "scarf", "vinyl"},
	},
	{
		about: "comedy, the sillier the better", example: "gag-reel-gecko", users: 20,
		likes: map[string]float64{
			"Comedy": 1.9, "Gag Humor": 2, "Parody": 1.1, "Otaku Culture": 0.6, "Workplace": 0.4, "School": 0.3, "Drama": -1.1,
			"Gore": -1, "Military": -0.5, "Suspense": -1,
		},
		crowd: 0.35, season: 0.5, length: 65,
		heads: []string{"gag", "giggle", "punchline", "tsukkomi", "silly", "slapstick", "pun", "goofy"},
	},
	{
		about: "horror, blood and things in the dark", example: "midnight-radish", users: 16,
		likes: map[string]float64{
			"Horror": 2.4, "Gore": 1.9, "Vampire": 1, "Supernatural": 0.7, "R+": 0.6, "R": 0.6, "Psychological": 0.4,
			"Survival": 0.5, "Slice of Life": -1.2, "Sports": -1.5, "G": -1.2,
		},
		crowd: 0.3, season: 0.3, length: 55,
		heads: []string{"midnight", "creaky", "crypt", "fang", "eerie", "cellar", "grave", "spooky"},
	},
	{
		about: "bands, idols and everything with a stage", example: "encore-ferret", users: 16,
		likes: map[string]float64{
			"Music": 2.8, "Idols (Female)": 1, "Idols (Male)": 0.8, "Performing Arts": 1, "Showbiz": 1, "School": 0.4,
			"Drama": 0.2, "Gore": -1.2, "Mecha": -0.4,
		},
		crowd: 0.25, season: 0.5, length: 45,
		heads: []string{"encore", "bass", "drum", "chorus", "idol", "melody", "backstage", "riff"},
	},
	{
		about: "shoujo, first love and magical girls", example: "sparkle-sparrow", users: 16,
		likes: map[string]float64{
			"Shoujo": 2.6, "Mahou Shoujo": 1.3, "Romance": 0.9, "Love Polygon": 0.6, "Reverse Harem": 0.6, "School": 0.3,
			"Seinen": -1, "Mecha": -0.8, "Gore": -1.5, "Ecchi": -1,
		},
		crowd: 0.2, season: 0.3, length: 60,
		heads: []string{"sparkle", "ribbon", "wand", "petal", "diary", "locket", "rosy", "twinkle"},
	},
	{
		about: "history, samurai and old battlefields", example: "katana-and-tea", users: 14,
		likes: map[string]float64{
			"Historical": 2.7, "Samurai": 1.2, "Martial Arts": 0.5, "Military": 0.5, "Drama": 0.4, "Seinen": 0.5,
			"School": -1.2, "Video Game": -1, "CGDCT": -1,
		},
		crowd: 0.2, season: 0.3, length: 55,
		heads: []string{"katana", "ronin", "edo", "castle", "scroll", "banner", "saddle", "armor"},
	},
	{
		about: "crooks, detectives and people with a past", example: "alibi-noodle", users: 14,
		likes: map[string]float64{
			"Adult Cast": 1.9, "Organized Crime": 2, "Detective": 1.6, "Seinen": 0.8, "R": 0.7, "Action": 0.4, "Mystery": 0.4,
			"School": -1.6, "CGDCT": -1, "Shoujo": -0.6,
		},
		crowd: 0.25, season: 0.3, length: 55,
		heads: []string{"alibi", "heist", "trench", "saxophone", "noir", "jackpot", "stakeout", "bribe"},
	},
	{
		about: "other worlds, dungeons and journeys on foot", example: "tavern-heron", users: 18,
		likes: map[string]float64{
			"Fantasy": 2.2, "Adventure": 1.7, "Mythology": 0.6, "Anthropomorphic": 0.4, "Drama": 0.2, "Isekai": -0.8,
			"School": -1, "Sports": -1.2, "Sci-Fi": -0.4,
		},
		crowd: 0.3, season: 0.4, length: 60,
		heads: []string{"tavern", "dragon", "lantern", "map", "forest", "griffin", "quest", "moss"},
	},
	{
		about: "dramas that end in tears", example: "tissue-box", users: 24,
		likes: map[string]float64{
			"Drama": 1.8, "Romance": 1.1, "Supernatural": 0.4, "School": 0.5, "2010s": 0.7, "Love Polygon": 0.5, "Music": 0.3,
			"Mecha": -0.8, "Gag Humor": -1, "Action": -0.6, "Gore": -0.8,
		},
		crowd: 0.4, season: 0.4, length: 60,
		heads: []string{"tissue", "raindrop", "farewell", "starlit", "tearful", "blossom", "snowfall", "cello"},
	},
	{
		about: "ghosts, spirits and what the neighbours whisper", example: "shrine-fox-lamp", users: 16,
		likes: map[string]float64{
			"Supernatural": 2, "Mystery": 1.8, "Mythology": 0.9, "Vampire": 0.4, "Horror": 0.4, "Detective": 0.5, "2000s": 0.5,
			"Sports": -1.4, "Mecha": -1, "Isekai": -0.8,
		},
		crowd: 0.25, season: 0.3, length: 60,
		heads: []string{"shrine", "yokai", "omen", "riddle", "incense", "mist", "talisman", "dusk"},
	},
	{
		about: "romantic comedies and who ends up with whom", example: "blush-biscuit", users: 26,
		likes: map[string]float64{
			"Romance": 1.8, "Comedy": 1.1, "School": 1, "Harem": 1.2, "Ecchi": 0.7, "Love Polygon": 0.4, "2020s": 0.4,
			"Adult Cast": -0.7, "Historical": -0.8, "Gore": -1, "Military": -0.8,
		},
		crowd: 0.4, season: 0.6, length: 65,
		heads: []string{"blush", "crush", "bento", "senpai", "confess", "fluster", "umbrella", "heart"},
	},
	{
		about: "strange pictures and directors with a hand of their own", example: "odd-umbrella", users: 12,
		likes: map[string]float64{
			"Avant Garde": 2.8, "Psychological": 0.9, "Award Winning": 1, "about 6 episodes": 0.4, "1 episode": 0.5,
			"2000s": 0.3, "Shounen": -1.2, "Isekai": -1.5, "Ecchi": -1, "Harem": -1.5,
		},
		crowd: 0, season: 0.2, length: 50,
		heads: []string{"odd", "collage", "dream", "surreal", "canvas", "fractal", "dada", "mobius"},
	},
	{
		about: "everything, one title after the other", example: "watched-it-all", users: 12,
		likes: map[string]float64{
			"about 12 episodes": 0.2, "1 episode": 0.2, "about 48 episodes": -0.3, "Award Winning": 0.3,
		},
		crowd: 0.3, season: 0.5, length: 170,
		heads: []string{"archive", "ledger", "binge", "marathon", "shelf", "catalog", "tally", "queue"},
	},
}
