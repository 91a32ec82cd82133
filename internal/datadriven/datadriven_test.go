package datadriven

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// handle is the handler of testdata/example.txt.
func handle(c *Command) string {
	var out strings.Builder
	switch c.Name {
	case "say":
		for range c.Int("times", 1) {
			out.WriteString(c.Word(0) + "\n")
		}
		if list := c.Values("list"); list != nil {
			out.WriteString(strings.Join(list, "|") + "\n")
		}
		out.WriteString(c.Input)
	case "nothing":
	case "paragraphs":
		return "one\n\ntwo"
	default:
		c.Fail("there is no such command")
	}
	return out.String()
}

func TestExample(t *testing.T) {
	ran := 0
	Walk(t, "testdata", func(t *testing.T, path string) {
		ran++
		Run(t, path, handle)
	})
	require.Equal(t, 1, ran)
}

func TestRewriteIsStable(t *testing.T) {
	script, err := os.ReadFile("testdata/example.txt")
	require.NoError(t, err)
	got, diffs, err := run("example", string(script), handle)
	require.NoError(t, err)
	require.Empty(t, diffs)
	require.Equal(t, string(script), got)
}

func TestDifference(t *testing.T) {
	script := "say b\n----\na\n\nnothing\n----\nleft over\n\nparagraphs\n----\none\n"
	got, diffs, err := run("x.txt", script, handle)
	require.NoError(t, err)
	require.Len(t, diffs, 3)
	require.Contains(t, diffs[0], "x.txt:1: say\nline 1 of the output differs")
	require.Contains(t, diffs[1], "x.txt:5: nothing")
	require.Equal(t, "say b\n----\nb\n\nnothing\n----\n\nparagraphs\n----\n----\none\n\ntwo\n----\n----\n", got)

	again, diffs, err := run("x.txt", got, handle)
	require.NoError(t, err)
	require.Empty(t, diffs)
	require.Equal(t, got, again)
}

func TestMistakes(t *testing.T) {
	for script, want := range map[string]string{
		"say a tmies=2\n----\n": `x:1: say has no use for the argument "tmies"`,
		"say \"a\n----\n":       "x:1: unbalanced quotes",
		"say list=(a\n----\n":   "x:1: the list of list has no end",
		"a=b\n----\n":           "x:1: a command begins with its name",
	} {
		_, _, err := run("x", script, handle)
		require.ErrorContains(t, err, want)
	}
	require.PanicsWithValue(t, "x:1: dance: there is no such command", func() {
		_, _, _ = run("x", "dance\n----\n", handle)
	})
	require.Panics(t, func() { _, _, _ = run("x", "say times=many\n----\n", handle) })
}

func TestArguments(t *testing.T) {
	c, err := parse("x:1", []string{`go fast to="a b" after=20ms share=0.5 n=3 slow`})
	require.NoError(t, err)
	require.Error(t, c.unused())
	require.True(t, c.Flag("fast"))
	require.True(t, c.Flag("slow"))
	require.False(t, c.Flag("to"))
	require.Equal(t, "slow", c.Word(1))
	require.Equal(t, "", c.Word(2))
	require.Equal(t, "a b", c.Text("to", ""))
	require.Equal(t, "else", c.Text("from", "else"))
	require.Equal(t, 20*time.Millisecond, c.Duration("after", 0))
	require.Equal(t, 0.5, c.Float("share", 0))
	require.Equal(t, 3, c.Int("n", 0))
	require.Equal(t, 7, c.Int("m", 7))
	require.NoError(t, c.unused())
}
