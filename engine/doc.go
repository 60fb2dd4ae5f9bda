// Package engine knows what anime taste is: whom a list resembles, and what to watch next.
//
// # Vocabulary
//
// An [Anime] is what MyAnimeList describes under one number. A [User] has a name and a [List] of entries: anime with a
// status, a score and the episodes watched. An entry is *watched* when its status is completed or watching and at least
// one episode was seen. An anime has *statistics*: its decade, length and rating, its genres, themes and demographic
// (see [Statistics]).
//
// # The taste hash
//
// A [Hash] condenses a list into 64 bits. The newest [HashEntries] watched entries are walked; each adds score + 1 to
// every statistic of its anime. 65 of the 92 statistics have a place in a fixed sequence, and bit i says whether the sum
// at place i exceeds the sum at place i + 1. It is a difference hash, as used for finding similar pictures: comparing
// neighbours makes it independent of how long a list is and how generously it is scored, and a small change of the list
// changes few bits. The sequence is ordered so that for an average list neighbours are about equally frequent, which
// makes each comparison a real choice between two tastes.
//
// Distance is the number of differing bits, where the 19 comparisons that are no genre or theme (decade, length, rating,
// demographic) count twice, since they describe more entries each. It runs from 0 to [MaxDistance]. The [Index] answers
// who is nearest over all users at once.
//
// # Recommendations
//
// The users most alike, 32 to a *batch*, lend their lists. What they watched and scored, and the requester does not have
// on the list in any status, is *eligible* unless it continues or belongs to another anime (has a *parent*). An [Order]
// ranks the eligible.
//
// # Profiles
//
// A [Profile] is the statistics model of a user: of each statistic, over the whole list, its share, what MyAnimeList's users and
// this one think of its anime, and what becomes of them. A [Population] says how each value is spread over all users, which
// turns values into [Ranks], comparable among themselves. [Engine.RecommendAlike] recommends from users whose ranks are all
// close to the requester's.
//
// # Boundaries
//
// The package imports the standard library only, and of it neither net/http nor database/sql. What is outside stands
// behind two interfaces that the caller of [New] provides: [Store], where users and anime are kept, and [Source], where
// lists come from.
package engine
