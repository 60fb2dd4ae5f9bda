package deploy_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// project loads compose.yaml as Docker Compose does: checked against its schema, and consistent in itself.
func project(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../compose.yaml"}, cli.WithInterpolation(true), cli.WithNormalization(true), cli.WithConsistency(true))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestComposeServicesAreHardened(t *testing.T) {
	p := project(t)
	if names := slices.Sorted(maps.Keys(p.Services)); !slices.Equal(names, []string{"postgres", "redis", "reko"}) {
		t.Fatalf("services %v", names)
	}
	for name, s := range p.Services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || s.Privileged ||
			!slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s: read-only %t, drops %v, adds %v, options %v", name, s.ReadOnly, s.CapDrop, s.CapAdd, s.SecurityOpt)
		}
		if s.Restart != types.RestartPolicyUnlessStopped || s.MemLimit == 0 || s.PidsLimit == 0 || s.CPUS == 0 {
			t.Errorf("%s: restarts %q, limits %v %v %v", name, s.Restart, s.MemLimit, s.PidsLimit, s.CPUS)
		}
		if s.HealthCheck == nil || len(s.HealthCheck.Test) < 2 || s.HealthCheck.Interval == nil || s.HealthCheck.Timeout == nil {
			t.Errorf("%s: health check %v", name, s.HealthCheck)
		}
		if user, _, _ := strings.Cut(s.User, ":"); name != "reko" && (user == "" || user == "0" || user == "root") { // reko's is in its image
			t.Errorf("%s runs as %q", name, s.User)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" || name != "reko" {
				t.Errorf("%s: port %s is open on %q", name, port.Published, port.HostIP)
			}
		}
		for key, value := range s.Environment {
			if upper := strings.ToUpper(key); strings.Contains(upper, "PASSWORD") && !strings.HasSuffix(upper, "_FILE") {
				t.Errorf("%s: %s is in the environment: %v", name, key, value != nil)
			}
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeVolume {
				t.Errorf("%s mounts %s of the machine", name, v.Source)
			}
		}
		if len(s.Secrets) == 0 {
			t.Errorf("%s has no secret", name)
		}
	}
	for name, secret := range p.Secrets {
		if secret.File == "" || secret.Content != "" || secret.Environment != "" {
			t.Errorf("the secret %s is no file: %+v", name, secret)
		}
	}
	if !p.Networks["back"].Internal {
		t.Error("the network of the databases reaches the world")
	}
	for _, name := range []string{"postgres", "redis"} {
		if d := p.Services["reko"].DependsOn[name]; d.Condition != types.ServiceConditionHealthy {
			t.Errorf("reko waits for %s until %q", name, d.Condition)
		}
		if networks := slices.Collect(maps.Keys(p.Services[name].Networks)); !slices.Equal(networks, []string{"back"}) {
			t.Errorf("%s is in %v", name, networks)
		}
	}
	understands(t, p.Services["reko"].Command[:2]...)
	understands(t, p.Services["reko"].HealthCheck.Test[2:]...)
}

// What secrets.sh makes is what the services are given, is different each time, and configures them.
func TestComposeSecrets(t *testing.T) {
	p := project(t)
	var before map[string]string
	for range 2 {
		dir := t.TempDir()
		if before == nil { // a folder that everybody can read, made by somebody else, does not stay so
			if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		script := filepath.Join(dir, "secrets.sh")
		if err := os.WriteFile(script, []byte(read(t, "secrets.sh")), 0o700); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), script).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		made := map[string]string{}
		for name, secret := range p.Secrets {
			rest, ok := strings.CutPrefix(filepath.ToSlash(secret.File), filepath.ToSlash(filepath.Join(p.WorkingDir, "deploy"))+"/")
			if !ok {
				t.Errorf("%s is %s", name, secret.File)
			}
			made[name] = read(t, filepath.Join(dir, rest))
		}
		configures(t, nil, "--config", filepath.Join(dir, "secrets", "reko.ini"))
		password := made["postgres_password"]
		if len(password) != 48 || !strings.Contains(made["reko.ini"], "postgres://reko:"+password+"@postgres/reko?") {
			t.Error("the configuration has another password of Postgres than Postgres")
		}
		_, password, _ = strings.Cut(made["redis.conf"], "requirepass ")
		password, _, _ = strings.Cut(password, "\n")
		if len(password) != 48 || !strings.Contains(made["reko.ini"], "redis://default:"+password+"@redis:6379/") {
			t.Error("the configuration has another password of Redis than Redis")
		}
		if made["reko.ini"] == before["reko.ini"] {
			t.Error("the passwords are the same each time")
		}
		before = made
		if out, err := exec.CommandContext(t.Context(), script).CombinedOutput(); err == nil || !strings.Contains(string(out), "already") {
			t.Errorf("again: %v\n%s", err, out)
		}
		if info, err := os.Stat(filepath.Join(dir, "secrets")); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the folder is %v, %v", info.Mode(), err)
		}
	}
	// The file that reko is told to read is the one that it is given.
	s := p.Services["reko"]
	if want := []string{"--config", "/run/secrets/" + s.Secrets[0].Source}; !slices.Equal(s.Command, want) {
		t.Errorf("reko is run with %v, want %v", s.Command, want)
	}
}
