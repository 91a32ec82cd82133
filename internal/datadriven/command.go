package datadriven

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Command is one command of a script. Its methods that read arguments panic when
// an argument is missing or malformed, naming the place: a broken script is a
// mistake in the test.
type Command struct {
	Pos   string // file:line
	Name  string
	Input string // the lines after the first, without the last newline

	args []arg
}

type arg struct {
	key    string
	values []string // nil for a bare word
	used   bool
}

// Word returns the i-th argument that has no "=", or "" past the last.
func (c *Command) Word(i int) string {
	for j := range c.args {
		if a := &c.args[j]; a.values == nil {
			if i == 0 {
				a.used = true
				return a.key
			}
			i--
		}
	}
	return ""
}

// Flag reports whether the bare word is among the arguments.
func (c *Command) Flag(word string) bool {
	for j := range c.args {
		if a := &c.args[j]; a.values == nil && a.key == word {
			a.used = true
			return true
		}
	}
	return false
}

// Values returns the values of key=value or key=(v1,v2), or nil if it is absent.
func (c *Command) Values(key string) []string {
	for j := range c.args {
		if a := &c.args[j]; a.values != nil && a.key == key {
			a.used = true
			return a.values
		}
	}
	return nil
}

// Text returns the value of key, or otherwise if it is absent.
func (c *Command) Text(key, otherwise string) string {
	switch v := c.Values(key); len(v) {
	case 0:
		return otherwise
	case 1:
		return v[0]
	default:
		c.Fail("%s has more than one value", key)
		return ""
	}
}

// Int returns the value of key as a number, or otherwise if it is absent.
func (c *Command) Int(key string, otherwise int) int {
	return value(c, key, otherwise, strconv.Atoi)
}

// Float returns the value of key as a number, or otherwise if it is absent.
func (c *Command) Float(key string, otherwise float64) float64 {
	return value(c, key, otherwise, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
}

// Duration returns the value of key as a duration, or otherwise if it is absent.
func (c *Command) Duration(key string, otherwise time.Duration) time.Duration {
	return value(c, key, otherwise, time.ParseDuration)
}

func value[T any](c *Command, key string, otherwise T, parse func(string) (T, error)) T {
	text := c.Text(key, "")
	if text == "" {
		return otherwise
	}
	v, err := parse(text)
	if err != nil {
		c.Fail("%s: %v", key, err)
	}
	return v
}

// Fail panics with the place of the command.
func (c *Command) Fail(format string, args ...any) {
	panic(fmt.Sprintf("%s: %s: %s", c.Pos, c.Name, fmt.Sprintf(format, args...)))
}

// unused finds a misspelt argument.
func (c *Command) unused() error {
	for _, a := range c.args {
		if !a.used {
			return fmt.Errorf("%s: %s has no use for the argument %q", c.Pos, c.Name, a.key)
		}
	}
	return nil
}

// parse reads the lines before the separator.
func parse(pos string, lines []string) (*Command, error) {
	c := &Command{Pos: pos, Input: strings.Join(lines[1:], "\n")}
	rest := strings.TrimSpace(lines[0])
	for rest != "" {
		var a arg
		var err error
		if a, rest, err = parseArg(rest); err != nil {
			return nil, fmt.Errorf("%s: %w", pos, err)
		}
		rest = strings.TrimLeft(rest, " \t")
		if c.Name == "" {
			if a.values != nil {
				return nil, fmt.Errorf("%s: a command begins with its name", pos)
			}
			c.Name = a.key
			continue
		}
		c.args = append(c.args, a)
	}
	return c, nil
}

// parseArg reads word, "quoted word", key=value or key=(value,value).
func parseArg(s string) (a arg, rest string, err error) {
	if a.key, s, err = parseWord(s, "= \t"); err != nil {
		return a, s, err
	}
	if !strings.HasPrefix(s, "=") {
		return a, s, nil
	}
	s = s[1:]
	if !strings.HasPrefix(s, "(") {
		var v string
		v, s, err = parseWord(s, " \t")
		a.values = []string{v}
		return a, s, err
	}
	a.values = []string{}
	for s = s[1:]; ; s = s[1:] {
		var v string
		if v, s, err = parseWord(strings.TrimLeft(s, " \t"), ",)"); err != nil {
			return a, s, err
		}
		a.values = append(a.values, v)
		switch {
		case s == "":
			return a, s, fmt.Errorf("the list of %s has no end", a.key)
		case s[0] == ')':
			return a, s[1:], nil
		}
	}
}

func parseWord(s, stops string) (word, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", s, fmt.Errorf("unbalanced quotes in %s", s)
		}
		word, err = strconv.Unquote(quoted)
		return word, s[len(quoted):], err
	}
	if i := strings.IndexAny(s, stops); i >= 0 {
		return s[:i], s[i:], nil
	}
	return s, "", nil
}
