package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
)

func TestSystemdUnit(t *testing.T) {
	options, err := unit.DeserializeOptions(strings.NewReader(read(t, "reko.service")))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string][]string{} // by section and key
	for _, o := range options {
		key := o.Section + "." + o.Name
		if said[key] != nil && !slices.Contains([]string{"Service.SystemCallFilter", "Service.Environment"}, key) {
			t.Errorf("%s is there twice", key)
		}
		said[key] = append(said[key], o.Value)
	}
	for key, want := range map[string]string{
		"Install.WantedBy": "multi-user.target", "Service.DynamicUser": "yes", "Service.StateDirectory": "reko", "Service.WorkingDirectory": "%S/reko",
		"Service.ProtectSystem": "strict", "Service.ProtectHome": "yes", "Service.PrivateTmp": "yes", "Service.PrivateDevices": "yes",
		"Service.NoNewPrivileges": "yes", "Service.CapabilityBoundingSet": "", "Service.MemoryDenyWriteExecute": "yes",
		"Service.RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "Service.SystemCallArchitectures": "native", "Service.UMask": "0077",
		"Service.Restart": "always", "Service.KillSignal": "SIGTERM", "Service.LoadCredential": "reko.ini:/etc/reko/reko.ini",
	} {
		if got := said[key]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	// Its command line is one that the program understands, and reads the credential.
	line := strings.Fields(said["Service.ExecStart"][0])
	if line[0] != "/usr/local/bin/reko" || !slices.Contains(line, "%d/reko.ini") {
		t.Errorf("ExecStart = %q", line)
	}
	understands(t, line[1:]...)
	for _, v := range said["Service.Environment"] {
		configures(t, []string{v})
	}
}
