// Command scoreboard measures this library, the floors under it and its peers side by
// side, and says whether the project's gates hold.
//
//	go -C internal/interop run ./scoreboard speed [-json] [-short] [-only group]
//
// It prints a table, or with -json an array of {name, value, unit, gate, ok, peer}.
// With -short it takes fewer seeds, rounds and smaller transfers, and ends after a minute or so.
// It exits with 1 if a gate does not hold.
//
// Time on a shared machine means little, so nothing here is gated on wall time. Ratios
// are of processor time, with GOMAXPROCS=1, ours and its floor in turns, median of 41
// rounds or more; what is quick is measured in several sittings, of which the quietest
// counts. Where time itself is the result, it is virtual: our machines run in the virtual
// network of internal/simnet, Pion's run in testing/synctest bubbles.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func main() {
	flags := flag.NewFlagSet("scoreboard speed", flag.ExitOnError)
	asJSON := flags.Bool("json", false, "print JSON instead of a table")
	short := flags.Bool("short", false, "fewer seeds and smaller transfers")
	only := flags.String("only", "", "measure only the group of this name")
	if len(os.Args) < 2 || os.Args[1] != "speed" {
		fmt.Fprintln(os.Stderr, "usage: scoreboard speed [-json] [-short] [-only group]")
		os.Exit(2)
	}
	flags.Parse(os.Args[2:])
	os.Args = os.Args[:1] // what follows is not for package testing

	inTest(func(t *testing.T) int {
		board := &board{t: t, short: *short, progress: os.Stderr}
		started := time.Now()
		for _, g := range groups {
			if *only == "" || *only == g.name {
				board.run(g)
			}
		}
		if *asJSON {
			out := json.NewEncoder(os.Stdout)
			out.SetIndent("", "  ")
			out.Encode(board.rows)
		} else {
			printHeader(started)
			printTable(os.Stdout, board.rows)
		}
		return board.exitCode()
	})
}

// groups are the measurements, in the order of the table.
var groups = []group{
	{"setup", setupRows},
	{"handshake", handshakeRows},
	{"cpu", handshakeCPURows},
	{"record", recordRows},
	{"stun", stunRows},
	{"sctp", sctpMemoryRows},
	{"link", sctpLinkRows},
	{"idle", idleRows},
	{"srtp", srtpRows},
	{"media.send", mediaSendRows},
	{"media.receive", mediaReceiveRows},
	{"fanout", fanoutRows},
	{"media.idle", mediaIdleRows},
	{"sessions", sessionsRows},
}

// printHeader says where and when the numbers were taken.
func printHeader(at time.Time) {
	fmt.Printf("%s, %d cores, %s/%s, %s, %s, load %s\n\n",
		procField("/proc/cpuinfo", "model name"), runtime.NumCPU(), osName(), runtime.GOARCH,
		runtime.Version(), at.UTC().Format("2006-01-02"), load())
}

// procField returns the value of the first line of a "key: value" file that has the key.
func procField(path, key string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown CPU"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return "unknown CPU"
}

// osName returns the name of the operating system, with its version where that is easy.
func osName() string {
	b, err := os.ReadFile("/etc/os-release")
	if err == nil {
		for line := range strings.Lines(string(b)) {
			if v, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
				return strings.Trim(strings.TrimSpace(v), `"`)
			}
		}
	}
	return runtime.GOOS
}

// load returns the load average of the last minute: what else the machine was doing.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(b))[0]
}
