package main

// benchCmd measures how fast Reko is, and makes up users to measure with.
type benchCmd struct {
	Populate benchPopulateCmd `cmd:"" hidden:"" help:"Fill a store without real users with made-up ones."`
}
