package handlers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers/api"
)

// maxBanned is how many anime, and how many users, a request can leave out.
const maxBanned = 10_000

// The lengths of the hashes that stand for users, in the answers of /recommendations and /recommendations/{username}. The
// shorter is the beginning of the longer.
const (
	shortHash = 32
	longHash  = 40
)

// userHash stands for a user without telling the name: nobody without the secret can find out whose it is.
func (s *server) userHash(name string) string {
	mac := hmac.New(sha256.New, s.Secret)
	mac.Write([]byte(strings.ToLower(name)))
	return hex.EncodeToString(mac.Sum(nil))
}

// rekosQuery is what the body of both requests for rekos says.
type rekosQuery struct {
	fields      fields
	bannedAnime []float64
	bannedUsers []string
	query       engine.AlikeQuery
}

// rekosQuery reads the body. refresh is the name of the field that forces a refresh of the list.
func (s *server) rekosQuery(c *fiber.Ctx, refresh string) (q rekosQuery, err error) {
	if q.fields, err = bodyFields(c); err != nil {
		return q, err
	}
	if q.query.Accuracy, err = field(q.fields, "accuracy", "a number", 100.0); err != nil {
		return q, err
	}
	if q.query.Accuracy < 0 || q.query.Accuracy > 100 {
		q.query.Accuracy = 100
	}
	if q.query.Refresh, err = field(q.fields, refresh, "true or false", false); err != nil {
		return q, err
	}
	if q.bannedAnime, err = array[float64](q.fields, "banned_ids", "numbers", maxBanned); err != nil {
		return q, err
	}
	if q.bannedUsers, err = array[string](q.fields, "banned_users", "strings", maxBanned); err != nil {
		return q, err
	}
	q.query.Without = map[engine.AnimeID]bool{}
	for _, id := range q.bannedAnime {
		if id >= 1 && id <= float64(engine.MaxAnimeID) && id == float64(engine.AnimeID(id)) { // others are of no anime
			q.query.Without[engine.AnimeID(id)] = true
		}
	}
	banned := map[string]bool{}
	for _, hash := range q.bannedUsers {
		banned[strings.ToLower(hash)] = true
	}
	if len(banned) > 0 {
		q.query.Banned = func(name string) bool {
			hash := s.userHash(name)
			return banned[hash[:shortHash]] || banned[hash[:longHash]]
		}
	}
	return q, nil
}

// rekos answers POST /recommendations, as of late 2022.
func (s *server) rekos(c *fiber.Ctx) error {
	q, err := s.rekosQuery(c, "force_list_update")
	if err != nil {
		return err
	}
	const kind = "the name of a user, in a string"
	if _, ok := q.fields["user_name"]; !ok {
		return badBody{"user_name", "there; it has to be " + kind}
	}
	name, err := field(q.fields, "user_name", kind, "")
	if err != nil {
		return err
	}
	a, err := s.Engine.RecommendAlike(c.UserContext(), name, q.query)
	if err != nil {
		return err
	}
	short := func(name string) string { return s.userHash(name)[:shortHash] }
	aged(c, a.Requester)
	return answer(c, api.MakeRekos(a, short, q.bannedUsers, q.bannedAnime))
}

// namedRekos answers POST /recommendations/{username}, as of early 2022.
func (s *server) namedRekos(c *fiber.Ctx) error { return s.namedRekosOf(c, param(c, "username")) }

func (s *server) namedRekosOf(c *fiber.Ctx, name string) error {
	q, err := s.rekosQuery(c, "reload_list")
	if err != nil {
		return err
	}
	a, err := s.Engine.RecommendAlike(c.UserContext(), name, q.query)
	if err != nil {
		return err
	}
	long := func(name string) string { return s.userHash(name)[:longHash] }
	aged(c, a.Requester)
	return answer(c, api.MakeNamedRekos(a, long))
}
