package main

import (
	"flag"
	"math"
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// A ratio is the median over a number of rounds. What takes long gets 41. What is
// quick gets many short ones, so that most of them fit between two interruptions
// by other processes, which cost whatever has more code and data in the caches more.
// It gets several sittings, too: a busy neighbour on the same core costs the more, the
// less of a function is cryptography.
const (
	rounds        = 41
	quickRounds   = 101
	quickCalls    = 150
	sittings      = 30
	shortSittings = 12
	sittingPause  = 100 * time.Millisecond
)

// inTest runs f where testing/synctest works, which wants a *testing.T, and ends the
// program with the exit code that f returns.
func inTest(f func(*testing.T) int) {
	testing.Init()
	flag.CommandLine.Parse(nil)
	any := func(_, _ string) (bool, error) { return true, nil }
	testing.Main(any, []testing.InternalTest{{Name: "scoreboard", F: func(t *testing.T) {
		os.Exit(f(t))
	}}}, nil, nil)
}

// bubble runs f in virtual time.
func (b *board) bubble(f func()) {
	synctest.Test(b.t, func(*testing.T) { f() })
}

// must ends the program: a measurement that fails is not a number.
func (b *board) must(err error) {
	if err != nil {
		b.t.Helper()
		panic(err)
	}
}

// cpuTime returns the processor time this process has used, in all its threads. The
// garbage collector's share is in it, and other processes are not.
func cpuTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// interleave measures the processor time of one call of each function, in turns, on
// one processor, and returns for each the times of all rounds. In a round each
// function is called n times.
func interleave(rounds, n int, functions ...func()) [][]float64 {
	return interleaveWorkloads(rounds, n, workloads(functions...)...)
}

// A workload is what is measured, and how to prepare a number of calls of it, which is not.
type workload struct {
	prepare func(calls int)
	call    func()
}

func interleaveWorkloads(rounds, n int, loads ...workload) [][]float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	run := func(l workload, n int) time.Duration {
		if l.prepare != nil {
			l.prepare(n)
		}
		start := cpuTime()
		for range n {
			l.call()
		}
		return cpuTime() - start
	}
	for _, l := range loads {
		run(l, 1) // warm: pools filled, code paged in
	}
	times := make([][]float64, len(loads))
	for range rounds {
		for i, l := range loads {
			times[i] = append(times[i], float64(run(l, n))/float64(n))
		}
	}
	return times
}

// interleaveQuick does the same for what is quick, and returns the times of the quietest sitting: that in which
// all together took the least.
func (b *board) interleaveQuick(loads ...workload) (times [][]float64) {
	n, least := sittings, math.Inf(1)
	if b.short {
		n = shortSittings
	}
	for range n {
		some, sum := interleaveWorkloads(quickRounds, quickCalls, loads...), 0.0
		for _, t := range some {
			sum += median(t)
		}
		if sum < least {
			times, least = some, sum
		}
		time.Sleep(sittingPause)
	}
	return times
}

// workloads are functions that need no preparation.
func workloads(functions ...func()) (loads []workload) {
	for _, f := range functions {
		loads = append(loads, workload{call: f})
	}
	return loads
}

// ratio returns the median over the rounds of ours/floor.
func ratio(ours, floor []float64) float64 {
	var r []float64
	for i := range ours {
		r = append(r, ours[i]/floor[i])
	}
	return median(r)
}

func median(v []float64) float64 { return percentile(v, 0.5) }

// percentile returns the smallest value that a share p of v does not exceed.
func percentile(v []float64, p float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	return s[max(0, int(math.Ceil(p*float64(len(s))))-1)]
}

// allocations returns how many allocations one call of f makes, not counting the first calls.
func allocations(f func()) float64 {
	for range 100 {
		f()
	}
	return testing.AllocsPerRun(1000, f)
}

// workloadAllocations does the same for what has to be prepared, and for all goroutines that take part in it.
func workloadAllocations(l workload) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const batches, calls = 10, 100
	var before, after runtime.MemStats
	count := uint64(0)
	for i := range batches + 1 {
		l.prepare(calls)
		runtime.ReadMemStats(&before)
		for range calls {
			l.call()
		}
		runtime.ReadMemStats(&after)
		if i > 0 { // the first batch is to warm up
			count += after.Mallocs - before.Mallocs
		}
	}
	return math.Floor(float64(count) / (batches * calls)) // as testing.AllocsPerRun
}

// growth returns by how many bytes the live memory grows while a workload runs for the first time, which brings caches to
// their sizes.
func growth(l workload, batches, calls int) float64 {
	before := settledMemory()
	for range batches {
		l.prepare(calls)
		for range calls {
			l.call()
		}
	}
	l.prepare(0) // lets go of what it has prepared
	return settledMemory() - before
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
