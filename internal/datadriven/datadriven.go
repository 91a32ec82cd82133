// Package datadriven runs golden scripts: text files of commands, each followed
// by the output it must give.
//
//	# A comment, up to the end of the line.
//	name argument key=value list=(1,2,3) text="two words"
//	further lines are the command's input
//	----
//	the output expected
//
// A blank line ends the output. Output that itself has blank lines stands
// between two pairs of "----":
//
//	name
//	----
//	----
//	first paragraph
//
//	second paragraph
//	----
//	----
//
// With the flag -update the files are rewritten with the output that came. Commit
// only changes that you can explain.
package datadriven

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files with the output that came")

// Update reports whether golden files are to be rewritten.
func Update() bool { return *update }

// Run runs the script in a file. The handler executes one command and returns
// its output; what the command line means is the handler's business, and a
// command with arguments it never looked at fails.
func Run(t *testing.T, path string, handle func(*Command) string) {
	t.Helper()
	script, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rewritten, diffs, err := run(path, string(script), handle)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if rewritten != string(script) {
			if err := os.WriteFile(path, []byte(rewritten), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	for _, d := range diffs {
		t.Errorf("%s", d)
	}
}

// Walk runs f as a subtest for every .txt file in a directory.
func Walk(t *testing.T, dir string, f func(t *testing.T, path string)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("there are no scripts in %s", dir)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { f(t, path) })
	}
}

const separator = "----"

// run executes a script and returns it with the output that came in place of the
// output expected, and a description of each difference.
func run(path, script string, handle func(*Command) string) (rewritten string, diffs []string, err error) {
	var out strings.Builder
	r := reader{lines: strings.Split(strings.TrimSuffix(script, "\n"), "\n")}
	for {
		block, ok := r.next()
		out.WriteString(block.comments)
		if !ok {
			break
		}
		cmd, err := parse(fmt.Sprintf("%s:%d", path, block.line), block.command)
		if err != nil {
			return "", nil, err
		}
		got := handle(cmd)
		if got != "" && !strings.HasSuffix(got, "\n") {
			got += "\n"
		}
		if err := cmd.unused(); err != nil {
			return "", nil, err
		}
		if got != block.expected {
			diffs = append(diffs, fmt.Sprintf("%s: %s\n%s", cmd.Pos, cmd.Name, diff(got, block.expected)))
		}
		out.WriteString(strings.Join(block.command, "\n") + "\n" + frame(got))
	}
	return out.String(), diffs, nil
}

// frame puts the separators around an output.
func frame(output string) string {
	if strings.HasPrefix(output, "\n") || strings.Contains(output, "\n\n") {
		return separator + "\n" + separator + "\n" + output + separator + "\n" + separator + "\n"
	}
	return separator + "\n" + output
}

// block is one command as it stands in a script.
type block struct {
	comments string // and blank lines before the command
	line     int    // of the command, from 1
	command  []string
	expected string
}

type reader struct {
	lines []string
	at    int
}

// next returns the next command; false with what follows the last one.
func (r *reader) next() (b block, ok bool) {
	for ; r.at < len(r.lines); r.at++ {
		line := r.lines[r.at]
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			break
		}
		b.comments += line + "\n"
	}
	if r.at == len(r.lines) {
		return b, false
	}
	b.line = r.at + 1
	for ; r.at < len(r.lines) && r.lines[r.at] != separator; r.at++ {
		b.command = append(b.command, r.lines[r.at])
	}
	r.at++
	if r.at < len(r.lines) && r.lines[r.at] == separator {
		b.expected = r.until(func(i int) bool {
			return r.lines[i] == separator && i+1 < len(r.lines) && r.lines[i+1] == separator
		})
		r.at += 2
		return b, true
	}
	r.at--
	b.expected = r.until(func(i int) bool { return r.lines[i] == "" })
	return b, true
}

// until returns the lines after the current one up to where end says.
func (r *reader) until(end func(i int) bool) string {
	var text strings.Builder
	for r.at++; r.at < len(r.lines) && !end(r.at); r.at++ {
		text.WriteString(r.lines[r.at] + "\n")
	}
	return text.String()
}

// diff shows where two outputs first differ, with the lines around.
func diff(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < len(g) && i < len(w) && g[i] == w[i] {
		i++
	}
	from := max(i-3, 0)
	part := func(lines []string) string {
		return strings.Join(lines[min(from, len(lines)):min(i+5, len(lines))], "\n\t")
	}
	return fmt.Sprintf("line %d of the output differs (-update rewrites it)\ngot:\n\t%s\nwant:\n\t%s", i+1, part(g), part(w))
}
