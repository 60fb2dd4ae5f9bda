package main

// benchCmd measures how fast Reko is, and makes up users to measure with.
type benchCmd struct {
	Run      benchRunCmd      `cmd:"" default:"withargs" help:"Measure a server that is started for it, or one that runs."`
	Populate benchPopulateCmd `cmd:"" hidden:"" help:"Fill a store without real users with made-up ones."`
	Verify   benchVerifyCmd   `cmd:"" hidden:"" help:"Check that a server answers, byte for byte, as a plain computation does."`
	Soak     benchSoakCmd     `cmd:"" hidden:"" help:"Ask a server for minutes while lists are saved, and watch its memory."`
	Show     benchShowCmd     `cmd:"" hidden:"" help:"Print earlier results as tables."`
	Draw     benchDrawCmd     `cmd:"" hidden:"" help:"Draw latency against the number of users, from several results, as SVG."`
	Profile  benchProfileCmd  `cmd:"" hidden:"" help:"Write a processor profile of answering requests."`
}
