package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/sansrtc/rtc/dtls"
)

// Row is one number of the scoreboard.
type Row struct {
	Name  string   `json:"name"`  // group and number, short and stable
	Value float64  `json:"value"` // what was measured
	Unit  string   `json:"unit"`
	Gate  *float64 `json:"gate"` // what Value is held to; null: shown only
	OK    bool     `json:"ok"`   // whether it holds
	Peer  *float64 `json:"peer"` // Pion, measured beside; null: it has no such thing

	atLeast bool // the gate is a lower bound
}

// A group is a set of rows that are measured together.
type group struct {
	name    string
	measure func(*board)
}

// board collects the rows.
type board struct {
	t        *testing.T
	short    bool
	progress io.Writer
	rows     []Row
	cert     *dtls.Certificate
}

func (b *board) run(g group) {
	fmt.Fprintf(b.progress, "measuring %s\n", g.name)
	g.measure(b)
}

// atMost adds a number that must not exceed the gate.
func (b *board) atMost(name string, value float64, unit string, gate float64, peer ...float64) {
	b.add(Row{Name: name, Value: round(value), Unit: unit, Gate: &gate, OK: value <= gate*(1+b.slack(unit))}, peer)
}

// atLeast adds a number that must reach the gate.
func (b *board) atLeast(name string, value float64, unit string, gate float64, peer ...float64) {
	b.add(Row{Name: name, Value: round(value), Unit: unit, Gate: &gate, OK: value >= gate*(1-b.slack(unit)), atLeast: true}, peer)
}

// slack is the share by which a ratio of processor times may miss its gate in a short run, which is made to notice
// that something has become slow, on whatever machine, beside whatever else.
func (b *board) slack(unit string) float64 {
	if b.short && strings.HasPrefix(unit, "×") {
		return 0.15
	}
	return 0
}

// shown adds a number that nothing depends on.
func (b *board) shown(name string, value float64, unit string, peer ...float64) {
	b.add(Row{Name: name, Value: round(value), Unit: unit, OK: true}, peer)
}

func (b *board) add(row Row, peer []float64) {
	if len(peer) > 0 {
		p := round(peer[0])
		row.Peer = &p
	}
	if row.Gate != nil {
		g := round(*row.Gate)
		row.Gate = &g
	}
	if math.IsNaN(row.Value) {
		b.t.Fatalf("%s was not measured", row.Name)
	}
	b.rows = append(b.rows, row)
}

// exitCode is 0 if every gate holds.
func (b *board) exitCode() int {
	for _, row := range b.rows {
		if !row.OK {
			return 1
		}
	}
	return 0
}

// round keeps three decimals: more would be noise.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

// printTable writes the rows as a Markdown table, which is readable as it is.
func printTable(w io.Writer, rows []Row) {
	cells := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintf(cells, "| name\t| value\t| unit\t| gate\t| holds\t| Pion\t|\n")
	fmt.Fprintf(cells, "|---\t|---\t|---\t|---\t|---\t|---\t|\n")
	for _, row := range rows {
		gate, holds, peer := "", "", ""
		if row.Gate != nil {
			sign := "≤ "
			if row.atLeast {
				sign = "≥ "
			}
			gate, holds = sign+number(*row.Gate), "yes"
			if !row.OK {
				holds = "NO"
			}
		}
		if row.Peer != nil {
			peer = number(*row.Peer)
		}
		fmt.Fprintf(cells, "| %s\t| %s\t| %s\t| %s\t| %s\t| %s\t|\n", row.Name, number(row.Value), row.Unit, gate, holds, peer)
	}
	cells.Flush()
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
