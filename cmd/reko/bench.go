package main

// benchCmd measures how fast Reko is, and makes up users to measure with.
type benchCmd struct {
	Run      *benchRunCmd      `arg:"subcommand:run" help:"Measure a server that is started for it, or one that runs (what is done when nothing else is said)."`
	Populate *benchPopulateCmd `arg:"subcommand:populate" help:"Fill a store without real users with made-up ones."`
	Verify   *benchVerifyCmd   `arg:"subcommand:verify" help:"Check that a server answers, byte for byte, as a plain computation does."`
	Soak     *benchSoakCmd     `arg:"subcommand:soak" help:"Ask a server for minutes while lists are saved, and watch its memory."`
	Show     *benchShowCmd     `arg:"subcommand:show" help:"Print earlier results as tables."`
	Draw     *benchDrawCmd     `arg:"subcommand:draw" help:"Draw latency against the number of users, from several results, as SVG."`
	Profile  *benchProfileCmd  `arg:"subcommand:profile" help:"Write a processor profile of answering requests."`
}
