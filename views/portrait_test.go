package views

import (
	"bytes"
	"strings"
	"testing"

	"reko.moe/engine"
)

func TestTraitsInWords(t *testing.T) {
	stat := func(name string) int {
		for s, stat := range engine.Statistics {
			if stat.Name == name {
				return s
			}
		}
		t.Fatalf("no statistic %s", name)
		return 0
	}
	for _, test := range []struct {
		trait         engine.Trait
		what, numbers string
	}{
		{engine.Trait{Stat: stat("Mecha"), Value: 0.18, Usual: 0.04, Far: 3}, "Watches far more Mecha than most", "18 % of the themes; usual is 4 %."},
		{engine.Trait{Stat: stat("Action"), Value: 0.1, Usual: 0.2, Far: -1.5}, "Watches less Action than most", "10 % of the genres; usual is 20 %."},
		{engine.Trait{Stat: stat("1990s"), Value: 0.5, Usual: 0.1, Far: 1.5}, "Watches more from the 1990s than most", "50 % of the list; usual is 10 %."},
		{engine.Trait{Stat: stat("about 12 episodes"), Value: 0.1, Usual: 0.4, Far: -2}, "Watches far less of about 12 episodes than most", "10 % of the list; usual is 40 %."},
		{engine.Trait{Stat: stat("R+"), Value: 0.3, Usual: 0.1, Far: 1}, "Watches more rated R+ than most", "30 % of the list; usual is 10 %."},
		{engine.Trait{Stat: stat("Josei"), Value: 0.3, Usual: 0.1, Far: 1}, "Watches more Josei than most", "30 % of the demographics; usual is 10 %."},
		{engine.Trait{Stat: stat("Horror"), Value: 0.3, Usual: 0.1, Far: 1}, "Watches more Horror than most", "30 % of the rarer genres; usual is 10 %."},
		{engine.Trait{Stat: stat("Racing"), Value: 0.3, Usual: 0.1, Far: 1}, "Watches more Racing than most", "30 % of the rarer themes; usual is 10 %."},
		{engine.Trait{Stat: engine.General, Measure: engine.Share, Value: 2345, Usual: 277, Far: 4}, "Has a far longer list than most", "2,345 anime; usual is 277."},
		{engine.Trait{Stat: engine.General, Measure: engine.Share, Value: 20, Usual: 277, Far: -1.2}, "Has a shorter list than most", "20 anime; usual is 277."},
		{engine.Trait{Stat: engine.General, Measure: engine.MeanScore, Value: 8, Usual: 7.5, Far: 2}, "Watches what MyAnimeList scores far higher", "8.00 on average; usual is 7.50."},
		{engine.Trait{Stat: engine.General, Measure: engine.ScoreDeviation, Value: -1.2, Usual: 0.4, Far: -1.9}, "Scores lower than most", "−1.2 against MyAnimeList’s mean; usual is +0.4."},
		{engine.Trait{Stat: engine.General, Measure: engine.ShareScored, Value: 0, Usual: 0.6, Far: -1.9}, "Scores fewer anime than most", "0 % of the list; usual is 60 %."},
		{engine.Trait{Stat: engine.General, Measure: engine.ShareDropped, Value: 0.12, Usual: 0.03, Far: 2}, "Drops far more anime than most", "12 % of the list; usual is 3 %."},
		{engine.Trait{Stat: engine.General, Measure: engine.ShareOnHold, Value: 0.12, Usual: 0.03, Far: 1}, "Puts more anime on hold than most", "12 % of the list; usual is 3 %."},
		{engine.Trait{Stat: engine.General, Measure: engine.ShareWatching, Value: 0.12, Usual: 0.03, Far: 1}, "Watches more anime at once than most", "12 % of the list; usual is 3 %."},
		{engine.Trait{Stat: engine.General, Measure: engine.ShareCompleted, Value: 0.12, Usual: 0.3, Far: -1}, "Completes fewer anime than most", "12 % of the list; usual is 30 %."},
		{engine.Trait{Stat: engine.General, Measure: engine.SharePlanned, Value: 0.12, Usual: 0.03, Far: 1}, "Plans more anime than most", "12 % of the list; usual is 3 %."},
	} {
		if got := traitText(test.trait); got.what != test.what || plain(got.numbers) != test.numbers {
			t.Errorf("%+v is %q, %q; want %q, %q", test.trait, got.what, got.numbers, test.what, test.numbers)
		}
	}
}

func TestBarsOfAPortrait(t *testing.T) {
	v := portraitOf(spike, "spike")
	themes := v.shares(engine.MajorTheme)
	if len(themes) != mostBars || themes[0].Name != "Mecha" || !themes[0].Notable || themes[0].Value != 0.75 || themes[1].Name != "School" {
		t.Errorf("themes %+v, want the most first", themes)
	}
	decades := v.decades().Columns
	if len(decades) != 5 || decades[0].Name != "≤ 1980s" || decades[4].Name != "2020s" {
		t.Errorf("decades %+v, want all in order", decades)
	}
	for _, b := range v.deviations().Bars {
		if b.Name == "School" || b.Value != 2 {
			t.Errorf("deviations have %+v; School has three scores", b)
		}
	}
	scores := v.scores().Columns
	if len(scores) != 10 || scores[8].Value != 12 || scores[9].Value != 0 {
		t.Errorf("scores %+v, want twelve times 9", scores)
	}
	if none := portraitOf(spike, "ed"); len(none.shares(engine.MajorGenre)) != 0 || len(none.traits()) != 0 {
		t.Error("an empty list tells something")
	}
}

// Before it was worked out what is usual, nothing is said of it.
func TestPortraitWithoutAPopulation(t *testing.T) {
	v := portraitOf(spike, "spike")
	v.Answer.Data.Population = engine.PopulationOf()
	var page bytes.Buffer
	if err := portrait(v).Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"NaN", "9223372036854775808", `class="usual"`, "usual is "} {
		if strings.Contains(page.String(), wrong) {
			t.Errorf("the page has %q:\n%s", wrong, page.String())
		}
	}
	if !strings.Contains(page.String(), "<td>–</td>") {
		t.Error("the page does not say that what is usual is not known")
	}
}
