package bench

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Processor is the model of the machine's processor, as far as it can be told.
func Processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOOS + " " + runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOOS + " " + runtime.GOARCH
}

// LoadAverage is how many processes the machine has had to do lately, on average over a minute; 0 where it does not tell.
func LoadAverage() float64 {
	var load float64
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(text), " ")
		load, _ = strconv.ParseFloat(first, 64) // 0, if it is no number
	}
	return load
}
