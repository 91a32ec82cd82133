package rtc_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/sansrtc/rtc"

// A packageRule says what one package may import, besides pureImports.
type packageRule struct {
	local   []string // packages of this module, by folder
	foreign []string // packages of other modules
	std     []string // packages of the standard library, for this package only
}

// importMatrix lists every package of the module by its folder. A new package has to be
// entered, so that somebody decides what it may know.
var importMatrix = map[string]packageRule{
	".":                   {local: []string{"ice", "dtls", "sctp", "sdp", "stun", "srtp", "rtp", "rtp/codec"}, std: []string{"log/slog"}},
	"ice":                 {local: []string{"stun"}},
	"dtls":                {},
	"sctp":                {},
	"sdp":                 {foreign: []string{"github.com/pion/sdp/v3"}},
	"rtp":                 {},
	"rtp/codec":           {},
	"srtp":                {local: []string{"rtp"}},
	"stun":                {},
	"internal/seqnum":     {},
	"internal/simnet":     {std: []string{"math/rand/v2"}},
	"internal/datadriven": {std: []string{"flag", "os", "path/filepath", "testing"}},
}

// sharedInternal may be imported by every package, testSupport by every test.
var (
	sharedInternal = []string{"internal/seqnum"}
	testSupport    = []string{"internal/simnet", "internal/datadriven"}
)

// pureImports are the packages of the standard library that bring no socket, file,
// clock, goroutine, lock or randomness into the library.
var pureImports = strings.Fields(`
	bytes cmp errors fmt hash hash/crc32 io iter maps math math/big math/bits net/netip
	slices sort strconv strings time unicode/utf8
	encoding encoding/asn1 encoding/base64 encoding/binary encoding/hex
	crypto crypto/aes crypto/cipher crypto/ecdh crypto/ecdsa crypto/ed25519 crypto/elliptic
	crypto/fips140 crypto/hkdf crypto/hmac crypto/mlkem crypto/rsa crypto/sha1 crypto/sha256
	crypto/sha512 crypto/subtle crypto/x509 crypto/x509/pkix`)

// fileImports are exceptions for single files.
var fileImports = map[string][]string{
	"random.go": {"crypto/rand"}, // the default of Config.Rand
	"trace.go":  {"context"},     // a slog.Handler takes one
}

// testForbidden would let a test wait for, or depend on, the world outside.
var testForbidden = []string{"net", "net/http", "net/http/httptest", "os/exec", "os/signal", "math/rand"}

// clockNames are the members of packages that read the clock or wait for it. A slog.Logger
// reads it on each call; a slog.Handler does not.
var clockNames = map[string][]string{
	`"time"`: {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Timer", "Ticker"},
	`"log/slog"`: {"New", "Default", "SetDefault", "Logger", "With", "Log", "LogAttrs",
		"Debug", "Info", "Warn", "Error", "DebugContext", "InfoContext", "WarnContext", "ErrorContext"},
}

// TestArchitecture checks what ARCHITECTURE.md claims of every Go file: who imports whom,
// and that there is no socket, clock, goroutine, channel, lock, init function or package
// state in the library.
func TestArchitecture(t *testing.T) {
	checked := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || isModule(name)) {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") {
			checked++
			for _, breach := range checkFile(t, filepath.ToSlash(name), nil) {
				t.Error(breach)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, checked, 50, "the walk has missed most of the module")
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// checkFile returns the breaches of one file, which is read from disk if src is nil.
func checkFile(t *testing.T, name string, src any) []string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, src, parser.ParseComments)
	require.NoError(t, err)

	c := &archCheck{files: files, file: file, name: name, dir: path.Dir(name)}
	rule, known := importMatrix[c.dir]
	switch {
	case strings.HasPrefix(c.dir+"/", "examples/"):
		c.checkExample()
		return c.breaches
	case !known:
		c.breach(file.Package, "package %s is not in the import matrix of arch_test.go", c.dir)
		return c.breaches
	}
	if strings.HasSuffix(name, "_test.go") {
		c.checkTestImports(rule)
		if !strings.HasSuffix(name, "bench_test.go") { // which measure
			c.checkClock()
		}
		return c.breaches
	}
	c.checkImports(rule)
	c.checkClock()
	c.checkRuntime()
	c.checkState()
	return c.breaches
}

// archCheck collects the breaches of one file.
type archCheck struct {
	files    *token.FileSet
	file     *ast.File
	name     string
	dir      string
	breaches []string
}

func (c *archCheck) breach(at token.Pos, format string, args ...any) {
	c.breaches = append(c.breaches, c.files.Position(at).String()+": "+fmt.Sprintf(format, args...))
}

// eachImport calls f with every import: of this module as a folder, or of elsewhere.
func (c *archCheck) eachImport(f func(at token.Pos, name string, local bool)) {
	for _, spec := range c.file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		folder, local := strings.CutPrefix(name, modulePath)
		if local {
			name = cmp.Or(strings.TrimPrefix(folder, "/"), ".")
		}
		f(spec.Pos(), name, local)
		if spec.Name != nil && spec.Name.Name == "." {
			c.breach(spec.Pos(), "a dot import hides what is used")
		}
	}
}

func (c *archCheck) checkImports(rule packageRule) {
	c.eachImport(func(at token.Pos, name string, local bool) {
		var allowed bool
		switch {
		case local:
			allowed = slices.Contains(rule.local, name) || slices.Contains(sharedInternal, name)
		case strings.Contains(name, "."):
			allowed = slices.Contains(rule.foreign, name)
		default:
			allowed = slices.Contains(pureImports, name) || slices.Contains(rule.std, name) ||
				c.dir == "." && slices.Contains(fileImports[c.name], name)
		}
		if !allowed {
			c.breach(at, "package %s may not import %s", c.dir, name)
		}
	})
}

// checkTestImports lets tests use the virtual network and testify as well. Only the root's
// tests, which sit on top of everything, import the root.
func (c *archCheck) checkTestImports(rule packageRule) {
	c.eachImport(func(at token.Pos, name string, local bool) {
		var allowed bool
		switch {
		case local:
			allowed = name == c.dir || slices.Contains(rule.local, name) ||
				slices.Contains(sharedInternal, name) || slices.Contains(testSupport, name)
		case strings.Contains(name, "."):
			allowed = slices.Contains(rule.foreign, name) || name == "github.com/stretchr/testify/require"
		default:
			allowed = !slices.Contains(testForbidden, name)
		}
		if !allowed {
			c.breach(at, "tests of package %s may not import %s", c.dir, name)
		}
	})
}

// checkExample lets examples do what programs do, with what a user of the module has.
func (c *archCheck) checkExample() {
	c.eachImport(func(at token.Pos, name string, local bool) {
		testify := strings.HasSuffix(c.name, "_test.go") && name == "github.com/stretchr/testify/require"
		if local && strings.HasPrefix(name, "internal/") || !local && strings.Contains(name, ".") && !testify {
			c.breach(at, "an example may not import %s", name)
		}
	})
}

// checkClock finds uses of the clock, under whatever name the package is imported.
func (c *archCheck) checkClock() {
	for _, spec := range c.file.Imports {
		names := clockNames[spec.Path.Value]
		if names == nil {
			continue
		}
		pkg := path.Base(strings.Trim(spec.Path.Value, `"`))
		local := pkg
		if spec.Name != nil {
			local = spec.Name.Name
		}
		ast.Inspect(c.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && x.Obj == nil && slices.Contains(names, sel.Sel.Name) {
				c.breach(sel.Pos(), "%s.%s: time is an argument", pkg, sel.Sel.Name)
			}
			return true
		})
	}
}

// checkRuntime finds goroutines, channels, init functions and ways around the language.
func (c *archCheck) checkRuntime() {
	ast.Inspect(c.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			c.breach(n.Pos(), "a go statement")
		case *ast.ChanType:
			c.breach(n.Pos(), "a channel")
		case *ast.SelectStmt:
			c.breach(n.Pos(), "a select statement")
		case *ast.SendStmt:
			c.breach(n.Pos(), "a channel")
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				c.breach(n.Pos(), "an init function")
			}
		}
		return true
	})
	for _, group := range c.file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "//go:linkname") {
				c.breach(comment.Pos(), "a linkname directive")
			}
		}
	}
}

// checkState finds package variables that are more than errors and tables: those without
// an initial value, and those that a function of the file changes.
func (c *archCheck) checkState() {
	vars := map[string]bool{}
	for _, decl := range c.file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				vars[name.Name] = true
				if len(spec.(*ast.ValueSpec).Values) == 0 && name.Name != "_" {
					c.breach(name.Pos(), "the package variable %s has no value: it would be state", name.Name)
				}
			}
		}
	}
	assigned := func(e ast.Expr) {
		id := rootIdent(e)
		if id == nil || !vars[id.Name] || id.Obj == nil {
			return
		}
		if id.Obj == c.file.Scope.Lookup(id.Name) {
			c.breach(id.Pos(), "the package variable %s is changed: it is state", id.Name)
		}
	}
	ast.Inspect(c.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					assigned(e)
				}
			}
		case *ast.IncDecStmt:
			assigned(n.X)
		}
		return true
	})
}

// rootIdent returns x for x, x.f, x[i], *x and the like.
func rootIdent(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// TestArchitectureCheckerCatches plants one breach of every rule.
func TestArchitectureCheckerCatches(t *testing.T) {
	tests := []struct{ file, source, want string }{
		{"ice/x.go", `import "net"`, "may not import net"},
		{"ice/x.go", `import "os"`, "may not import os"},
		{"ice/x.go", `import "sync"`, "may not import sync"},
		{"ice/x.go", `import "sync/atomic"`, "may not import sync/atomic"},
		{"ice/x.go", `import "context"`, "may not import context"},
		{"ice/x.go", `import "log"`, "may not import log"},
		{"ice/x.go", `import "log/slog"`, "may not import log/slog"},
		{"rtc.go", "import \"log/slog\"\nfunc f() { slog.Info(\"\") }", "slog.Info: time is an argument"},
		{"ice/x.go", `import "math/rand/v2"`, "may not import math/rand/v2"},
		{"ice/x.go", `import "crypto/rand"`, "may not import crypto/rand"},
		{"ice/x.go", `import "unsafe"`, "may not import unsafe"},
		{"ice/x.go", `import "C"`, "may not import C"},
		{"ice/x.go", `import "testing"`, "may not import testing"},
		{"dtls/x.go", `import "crypto/mlkem/mlkemtest"`, "may not import crypto/mlkem/mlkemtest"},
		{"dtls/x.go", `import "crypto/tls"`, "may not import crypto/tls"},
		{"ice/random.go", `import "crypto/rand"`, "may not import crypto/rand"},
		{"rtc.go", `import "crypto/rand"`, "may not import crypto/rand"},
		{"ice/x.go", `import . "time"`, "dot import"},

		{"ice/x.go", `import "github.com/sansrtc/rtc"`, "package ice may not import ."},
		{"ice/x.go", `import "github.com/sansrtc/rtc/dtls"`, "package ice may not import dtls"},
		{"stun/x.go", `import "github.com/sansrtc/rtc/ice"`, "package stun may not import ice"},
		{"sctp/x.go", `import "github.com/sansrtc/rtc/dtls"`, "package sctp may not import dtls"},
		{"rtc.go", `import "github.com/sansrtc/rtc/internal/simnet"`, "may not import internal/simnet"},
		{"dtls/x.go", `import "github.com/pion/dtls/v3"`, "may not import github.com/pion/dtls/v3"},
		{"rtc.go", `import "github.com/pion/sdp/v3"`, "may not import github.com/pion/sdp/v3"},
		{"rtc.go", `import "github.com/stretchr/testify/require"`, "may not import github.com/stretchr/testify/require"},
		{"newborn/x.go", ``, "package newborn is not in the import matrix"},
		{"internal/newborn/x.go", ``, "package internal/newborn is not in the import matrix"},

		{"ice/x_test.go", `import "net"`, "tests of package ice may not import net"},
		{"ice/x_test.go", `import "github.com/sansrtc/rtc"`, "tests of package ice may not import ."},
		{"sctp/x_test.go", `import "github.com/sansrtc/rtc/dtls"`, "tests of package sctp may not import dtls"},
		{"ice/x_test.go", `import "github.com/stretchr/testify/mock"`, "may not import github.com/stretchr/testify/mock"},
		{"ice/x_test.go", "import \"time\"\nvar _ = time.Sleep", "time.Sleep: time is an argument"},
		{"examples/echo/main.go", `import "golang.org/x/net/websocket"`, "an example may not import golang.org/x/net/websocket"},
		{"examples/echo/main.go", `import "github.com/sansrtc/rtc/internal/simnet"`, "an example may not import internal/simnet"},

		{"ice/x.go", `func f() { go f() }`, "a go statement"},
		{"ice/x.go", `var x = (chan int)(nil)`, "a channel"},
		{"ice/x.go", `func f(c T) { c <- 1 }`, "a channel"},
		{"ice/x.go", `func f() { select {} }`, "a select statement"},
		{"ice/x.go", `func init() {}`, "an init function"},
		{"ice/x.go", "//go:linkname f runtime.f\nfunc f()", "a linkname directive"},
		{"ice/x.go", "import \"time\"\nfunc f() { time.Now() }", "time.Now: time is an argument"},
		{"ice/x.go", "import clock \"time\"\nvar now = clock.Now", "time.Now: time is an argument"},
		{"ice/x.go", "import \"time\"\nvar t = time.AfterFunc", "time.AfterFunc: time is an argument"},
		{"ice/x.go", `var count int`, "the package variable count has no value"},
		{"ice/x.go", "var count = 0\nfunc f() { count++ }", "the package variable count is changed"},
		{"ice/x.go", "var m = map[int]int{}\nfunc f() { m[1] = 2 }", "the package variable m is changed"},
	}
	for _, test := range tests {
		breaches := checkFile(t, test.file, "package p\n"+test.source)
		require.Len(t, breaches, 1, "%s: %s", test.file, test.source)
		require.Contains(t, breaches[0], test.want)
	}
}

// TestArchitectureCheckerAllows shows that the rules leave room for what is meant.
func TestArchitectureCheckerAllows(t *testing.T) {
	for _, test := range []struct{ file, source string }{
		{"ice/x.go", "import (\n\"net/netip\"\n\"time\"\n\"github.com/sansrtc/rtc/stun\"\n)\nvar d = time.Second"},
		{"random.go", `import "crypto/rand"`},
		{"trace.go", "import (\n\"context\"\n\"log/slog\"\n)\nvar r = slog.NewRecord"},
		{"sdp/x.go", `import "github.com/pion/sdp/v3"`},
		{"sctp/x.go", `import "github.com/sansrtc/rtc/internal/seqnum"`},
		{"sctp/x_test.go", `import "github.com/sansrtc/rtc/internal/simnet"`},
		{"x_test.go", `import "github.com/sansrtc/rtc"`},
		{"examples/echo/main.go", "import (\n\"net/http\"\n\"github.com/sansrtc/rtc\"\n)\nfunc init() { go main() }"},
		{"ice/x.go", "var table = []int{1}\nfunc f() { table := 0; table++ }"},
		{"ice/x.go", "type t struct{}\nfunc (t) init() {}"},
	} {
		require.Empty(t, checkFile(t, test.file, "package p\n"+test.source), test.source)
	}
}

// TestModuleRequirements checks what a user of the module downloads.
func TestModuleRequirements(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+) v\S+`).FindAllStringSubmatch(string(mod), -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	require.Equal(t, []string{
		"github.com/pion/randutil", // of pion/sdp
		"github.com/pion/sdp/v3",
		"github.com/stretchr/testify",
		"go.yaml.in/yaml/v3", // of testify
	}, got)
	for _, directive := range []string{"replace", "exclude", "toolchain", "tool"} {
		require.NotRegexp(t, `(?m)^`+directive+`\b`, string(mod))
	}
}
