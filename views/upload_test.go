package views

import (
	"time"

	"reko.moe/engine"
)

func init() {
	list := engine.List{{Anime: 1, Episodes: 26, Score: 10, Status: engine.Completed}}.Pack()
	guest := engine.User{Name: "guest-abcdefghij", Origin: engine.Uploaded, Hash: spike.Hash, List: list, FetchedAt: now.Add(-time.Hour), Unlisted: true}
	listed := guest
	listed.Name, listed.Unlisted = "guest-klmnopqrst", false
	samples["upload"] = uploadForm(UploadView{MostMB: 8, UnpackedMB: 64})
	samples["upload-refused"] = uploadForm(UploadView{
		MostMB: 8, UnpackedMB: 64, Listed: true, Wrong: `Line 7: <script>alert(1)</script>: score "11" is no whole number in 0..10.`,
	})
	samples["uploads"] = uploads(UploadView{Uploads: []engine.User{guest, listed}, Now: now})
	samples["person-uploaded"] = person(engine.Requester{
		Card: engine.Card{ID: 9, Name: guest.Name, Hash: guest.Hash}, Origin: engine.Uploaded, Entries: 1, FetchedAt: guest.FetchedAt,
	}, "similar", now)
}
