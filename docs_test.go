package rtc_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goBlocks returns the Go code blocks of a Markdown file.
func goBlocks(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// The loop in the README is that of the package documentation, to the letter.
func TestREADMELoop(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var code strings.Builder
	for line := range strings.Lines(string(doc)) {
		if rest, ok := strings.CutPrefix(line, "//\t"); ok {
			code.WriteString(rest)
		} else {
			code.WriteString("\n")
		}
	}
	loop := ""
	for _, block := range goBlocks(t, "README.md") {
		if strings.Contains(block, "func drain(") {
			loop = block
		}
	}
	require.NotEmpty(t, loop)
	require.Contains(t, code.String(), loop[:strings.Index(loop, "\n\nfunc run")])
	require.Contains(t, code.String(), loop[strings.Index(loop, "func run"):])
}

// Code in the README is Go: declarations, or statements.
func TestREADMEParses(t *testing.T) {
	blocks := goBlocks(t, "README.md")
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		if !strings.Contains(block, "\nfunc ") && !strings.HasPrefix(block, "func ") {
			block = "func f() {\n" + block + "}\n"
		}
		_, err := parser.ParseFile(token.NewFileSet(), "README.md", "package p\n"+block, 0)
		require.NoError(t, err, block)
	}
}

// Every test that docs/rfcs.md names exists in the package that it names.
func TestRFCTableNames(t *testing.T) {
	table, err := os.ReadFile(filepath.Join("docs", "rfcs.md"))
	require.NoError(t, err)
	dirs := map[string]string{
		"rtc": ".", "interop": filepath.Join("internal", "interop"), "codec": filepath.Join("rtp", "codec"),
	}
	for _, name := range []string{"stun", "ice", "dtls", "sctp", "sdp", "rtp", "srtp"} {
		dirs[name] = name
	}
	sources := map[string]string{}
	for name, dir := range dirs {
		files, err := fs.Glob(os.DirFS(dir), "*_test.go")
		require.NoError(t, err)
		for _, file := range files {
			b, err := os.ReadFile(filepath.Join(dir, file))
			require.NoError(t, err)
			sources[name] += string(b)
		}
	}
	name := regexp.MustCompile(`\b(?:(rtc|interop|stun|ice|dtls|sctp|sdp|rtp|srtp|codec): )?((?:Test|Fuzz)[A-Z]\w*)`)
	rows, found := 0, 0
	for line := range strings.Lines(string(table)) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		rows++
		in := ""
		for _, m := range name.FindAllStringSubmatch(line, -1) {
			if m[1] != "" {
				in = m[1]
			}
			found++
			require.NotEmpty(t, in, "%s is named without its package", m[2])
			require.Contains(t, sources[in], "func "+m[2]+"(", "%s: %s", in, m[2])
		}
	}
	require.Greater(t, found, rows, "rows name their tests")
}

// Links in the documents lead somewhere.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)\)`)
	for _, doc := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/rfcs.md", "docs/scoreboard.md"} {
		text, err := os.ReadFile(filepath.FromSlash(doc))
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(m[1], "://") {
				_, err := os.Stat(filepath.Join(filepath.Dir(doc), filepath.FromSlash(m[1])))
				require.NoError(t, err, "in %s", doc)
			}
		}
	}
}
