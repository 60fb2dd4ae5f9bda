package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bigkevmcd/go-configparser"

	"reko.moe/engine"
	"reko.moe/handlers/limit"
)

// config is all that can be configured. reko.example.ini documents every key.
type config struct {
	Addr      string        // [http] addr
	APIHost   string        // [http] api_host
	PublicURL string        // [http] public_url; empty: not known
	Timeout   time.Duration // [http] timeout
	Drain     time.Duration // [http] drain; drainAuto: see drainTime
	Secret    string        // [http] secret; empty: the store's
	Contact   string        // [http] contact; empty: none is told

	TrustedProxies []netip.Prefix // [http] trusted_proxies

	Database string // [db] url
	Redis    string // [redis] url; empty: limits are per process

	MALURL     string        // [mal] url
	MALClient  string        // [mal] client_id; empty: MyAnimeList is not asked
	MALRate    float64       // [mal] rate, requests a second
	MALBurst   int           // [mal] burst
	MALTimeout time.Duration // [mal] timeout, of one request
	MALProbe   string        // [mal] probe_user

	MaxAge  time.Duration // [lists] max_age
	Uploads int           // [lists] uploads

	Order   engine.Order     // [recommend] order
	Exclude []engine.AnimeID // [recommend] exclude

	APILimit     limit.Budget // [limits] api
	PagesLimit   limit.Budget // [limits] pages
	CostlyLimit  limit.Budget // [limits] costly
	UploadsLimit limit.Budget // [limits] uploads
	LoginsLimit  limit.Budget // [limits] logins

	Lists  int // [memory] lists, MiB
	Orders int // [memory] orders, MiB

	Jobs          bool          // [jobs] enabled
	RefreshEvery  time.Duration // [jobs] refresh
	DescribeEvery time.Duration // [jobs] describe
	AiringEvery   time.Duration // [jobs] airing
	HashesEvery   time.Duration // [jobs] hashes

	PrivacyEvery    time.Duration // [jobs] privacy
	PopulationEvery time.Duration // [jobs] population
	TrainEvery      time.Duration // [jobs] train: how often it is looked whether a training is due
	TidyEvery       time.Duration // [jobs] tidy

	AdminIdle    time.Duration // [admin] idle
	AdminSession time.Duration // [admin] session

	PrivacyDays int // [privacy] days

	Demo string // [demo] enabled: auto, true or false

	TraceEndpoint string  // [trace] endpoint; empty: where OpenTelemetry's own variables say, if anywhere
	TraceSample   float64 // [trace] sample, 0..1

	LogLevel  slog.Level // [log] level
	LogFormat string     // [log] format: text or json

	LogAddresses string // [log] addresses: full, short or none
}

// setting is a key of the configuration.
type setting struct {
	section, key string
	value        string // the default
	set          func(string) error
}

// settings lists all keys; each sets its field of cfg.
func (cfg *config) settings() []setting {
	return []setting{
		{"http", "addr", "127.0.0.1:3000", address(&cfg.Addr)},
		{"http", "api_host", "", text(&cfg.APIHost)},
		{"http", "public_url", "", publicURL(&cfg.PublicURL)},
		{"http", "timeout", "30s", duration(&cfg.Timeout, time.Second)},
		{"http", "drain", "auto", drainDuration(&cfg.Drain)},
		{"http", "secret", "", orFile(secret(&cfg.Secret))},
		{"http", "contact", "", contact(&cfg.Contact)},
		{"http", "trusted_proxies", "", prefixes(&cfg.TrustedProxies)},
		{"db", "url", "sqlite:data/reko.db", orFile(databaseURL(&cfg.Database))},
		{"redis", "url", "", orFile(redisURL(&cfg.Redis))},
		{"mal", "url", "https://api.myanimelist.net/v2", webURL(&cfg.MALURL)},
		{"mal", "client_id", "", orFile(text(&cfg.MALClient))},
		{"mal", "rate", "1", rate(&cfg.MALRate)},
		{"mal", "burst", "5", whole(&cfg.MALBurst, 1, 1000)},
		{"mal", "timeout", "10s", duration(&cfg.MALTimeout, 100*time.Millisecond)},
		{"mal", "probe_user", "Xinil", text(&cfg.MALProbe)},
		{"lists", "max_age", "72h", duration(&cfg.MaxAge, time.Minute)},
		{"lists", "uploads", "10000", whole(&cfg.Uploads, 1, 100_000_000)},
		{"recommend", "order", "taste", order(&cfg.Order)},
		{"recommend", "exclude", "", animeIDs(&cfg.Exclude)},
		{"limits", "api", "600/1m", budget(&cfg.APILimit)},
		{"limits", "pages", "600/1m", budget(&cfg.PagesLimit)},
		{"limits", "costly", "60/10m", budget(&cfg.CostlyLimit)},
		{"limits", "uploads", "30/24h", budget(&cfg.UploadsLimit)},
		{"limits", "logins", "10/10m", budget(&cfg.LoginsLimit)},
		{"memory", "lists", "256", whole(&cfg.Lists, 0, 1<<20)},
		{"memory", "orders", "10", whole(&cfg.Orders, 0, 1<<20)},
		{"jobs", "enabled", "true", boolean(&cfg.Jobs)},
		{"jobs", "refresh", "1m", duration(&cfg.RefreshEvery, time.Second)},
		{"jobs", "describe", "2m", duration(&cfg.DescribeEvery, time.Second)},
		{"jobs", "airing", "1h", duration(&cfg.AiringEvery, time.Second)},
		{"jobs", "hashes", "10m", duration(&cfg.HashesEvery, time.Second)},
		{"jobs", "population", "1h", duration(&cfg.PopulationEvery, time.Second)},
		{"jobs", "privacy", "1h", duration(&cfg.PrivacyEvery, time.Second)},
		{"jobs", "train", "10m", duration(&cfg.TrainEvery, time.Second)},
		{"jobs", "tidy", "10m", duration(&cfg.TidyEvery, time.Second)},
		{"admin", "idle", "30m", duration(&cfg.AdminIdle, time.Minute)},
		{"admin", "session", "12h", duration(&cfg.AdminSession, time.Minute)},
		{"privacy", "days", "30", whole(&cfg.PrivacyDays, 0, 36500)},
		{"demo", "enabled", "auto", oneOf(&cfg.Demo, "auto", "true", "false")},
		{"trace", "endpoint", "", traceURL(&cfg.TraceEndpoint)},
		{"trace", "sample", "1", share(&cfg.TraceSample)},
		{"log", "level", "info", level(&cfg.LogLevel)},
		{"log", "format", "text", oneOf(&cfg.LogFormat, "text", "json")},
		{"log", "addresses", "short", oneOf(&cfg.LogAddresses, "full", "short", "none")},
	}
}

// defaultConfig is what holds without a file and an environment.
func defaultConfig() config {
	cfg, err := loadConfig(os.DevNull, nil)
	if err != nil {
		panic(err) // a default is not valid
	}
	return cfg
}

// loadConfig reads the file, or reko.ini if file is empty and that exists, then the environment: REKO_HTTP_ADDR stands above
// addr in [http]. It reports all mistakes at once.
func loadConfig(file string, environ []string) (config, error) {
	var cfg config
	settings := cfg.settings()
	given, mistakes := readINI(file, settings)
	for _, s := range settings {
		where, value := "default of ["+s.section+"] "+s.key, s.value
		if v, ok := given[s.section+"."+s.key]; ok {
			where, value = fmt.Sprintf("%s: [%s] %s", iniName(file), s.section, s.key), v
		}
		if name, v, ok := fromEnv(environ, s); ok {
			where, value = "environment: "+name, v
		}
		if err := s.set(value); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", where, err))
		}
	}
	mistakes = append(mistakes, unknownEnv(environ, settings)...)
	if len(mistakes) > 0 {
		return cfg, fmt.Errorf("the configuration has mistakes:\n%w", errors.Join(mistakes...))
	}
	return cfg, nil
}

// iniName is the file that is read when none is named.
func iniName(file string) string {
	if file == "" {
		return "reko.ini"
	}
	return file
}

// readINI returns what the file says, by "section.key", and what is wrong with it.
func readINI(file string, settings []setting) (given map[string]string, mistakes []error) {
	name := iniName(file)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && file == "" {
		return nil, nil
	}
	if err != nil {
		return nil, []error{err}
	}
	good, mistakes := lint(name, string(data))
	parsed, err := configparser.ParseReaderWithOptions(strings.NewReader(good), configparser.Delimiters("="),
		configparser.InlineCommentPrefixes([]string{" ;", "\t;"}))
	if err != nil {
		return nil, append(mistakes, fmt.Errorf("%s: %w", name, err))
	}
	given = map[string]string{}
	for _, section := range append(parsed.Sections(), "DEFAULT") {
		items, err := parsed.Items(section)
		if err != nil {
			continue // there is no DEFAULT
		}
		for key, value := range items {
			known := slices.ContainsFunc(settings, func(s setting) bool { return s.section == section && s.key == key })
			if !known {
				mistakes = append(mistakes, fmt.Errorf("%s: [%s] %s: unknown key", name, section, key))
				continue
			}
			given[section+"."+key] = strings.TrimSpace(value)
		}
	}
	slices.SortFunc(mistakes, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return given, mistakes
}

// lint finds what the parser passes over in silence, or ends at: lines that are nothing, and keys that are there twice. It
// returns the other lines.
func lint(name, data string) (good string, mistakes []error) {
	var lines []string
	section := ""
	seen := map[string]bool{}
	for i, line := range strings.Split(data, "\n") {
		trimmed := strings.TrimSpace(line)
		key, _, assigned := strings.Cut(trimmed, "=")
		key = strings.TrimSpace(key)
		var mistake error
		switch {
		case trimmed == "", trimmed[0] == ';', trimmed[0] == '#':
		case trimmed[0] == '[' && strings.IndexByte(trimmed, ']') > 1:
			section = trimmed[1:strings.IndexByte(trimmed, ']')]
		case !assigned || key == "" || line[0] == ' ' || line[0] == '\t':
			// It is not quoted: it may be a secret, broken in two.
			mistake = fmt.Errorf("%s: line %d is neither [section] nor key = value", name, i+1)
		case section == "":
			mistake = fmt.Errorf("%s: line %d: %s stands before the first [section]", name, i+1, key)
		case seen[section+"."+key]:
			mistake = fmt.Errorf("%s: [%s] %s: is there twice, again in line %d", name, section, key, i+1)
		default:
			seen[section+"."+key] = true
		}
		if mistake == nil {
			lines = append(lines, line)
		} else {
			mistakes = append(mistakes, mistake)
		}
	}
	return strings.Join(lines, "\n"), mistakes
}

func envName(s setting) string {
	return "REKO_" + strings.ToUpper(s.section+"_"+s.key)
}

// fromEnv returns what the environment says of a setting. An empty variable is as if it were not there.
func fromEnv(environ []string, s setting) (name, value string, ok bool) {
	name = envName(s)
	for _, e := range environ {
		if v, found := strings.CutPrefix(e, name+"="); found {
			value = strings.TrimSpace(v)
		}
	}
	return name, value, value != ""
}

// unknownEnv finds variables that look like settings and are none. REKO_TEST_ is for tests.
func unknownEnv(environ []string, settings []setting) (mistakes []error) {
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "REKO_") || strings.HasPrefix(name, "REKO_TEST_") {
			continue
		}
		if !slices.ContainsFunc(settings, func(s setting) bool { return envName(s) == name }) {
			mistakes = append(mistakes, fmt.Errorf("environment: %s: unknown key", name))
		}
	}
	return mistakes
}
