package rtc_test

import (
	"bytes"
	"go/ast"
	"go/build"
	"go/doc"
	"go/format"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/internal/datadriven"
)

// TestAPI compares every exported declaration with testdata/api, so that a change of the API
// is a diff that a reviewer sees. The flag -update rewrites the files.
func TestAPI(t *testing.T) {
	for _, dir := range slices.Sorted(maps.Keys(importMatrix)) {
		if strings.HasPrefix(dir, "internal/") {
			continue
		}
		t.Run(dir, func(t *testing.T) {
			name := dir
			if dir == "." {
				name = "rtc"
			}
			golden := filepath.Join("testdata", "api", name+".txt")
			got := exportedAPI(t, dir)
			if datadriven.Update() {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
				return
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			if diff := lineDiff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
				t.Errorf("the API has changed (go test -run TestAPI -update . accepts it):\n%s", diff)
			}
		})
	}
}

// lineDiff returns the lines that only one of two texts has.
func lineDiff(want, got string) string {
	var diff strings.Builder
	only := func(sign, a, b string) {
		lines := strings.Split(b, "\n")
		for line := range strings.SplitSeq(a, "\n") {
			if i := slices.Index(lines, line); i >= 0 {
				lines = slices.Delete(lines, i, i+1)
			} else {
				diff.WriteString(sign + line + "\n")
			}
		}
	}
	only("-", want, got)
	only("+", got, want)
	return diff.String()
}

// exportedAPI prints the exported declarations of the package in dir: constants, variables
// and functions, then each type with its methods.
func exportedAPI(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		match, err := build.Default.MatchFile(dir, filepath.Base(name))
		require.NoError(t, err)
		if match {
			file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	pkg, err := doc.NewFromFiles(fset, files, modulePath+"/"+dir)
	require.NoError(t, err)

	p := apiPrinter{t: t, fset: fset}
	p.values(pkg.Consts, pkg.Vars)
	p.funcs(pkg.Funcs)
	for _, typ := range pkg.Types {
		p.print(typ.Decl)
		p.values(typ.Consts, typ.Vars)
		p.funcs(typ.Funcs, typ.Methods)
	}
	text, err := format.Source(p.out.Bytes()) // aligns anew what comments kept apart
	require.NoError(t, err)
	return string(text)
}

type apiPrinter struct {
	t    *testing.T
	fset *token.FileSet
	out  bytes.Buffer
}

func (p *apiPrinter) values(groups ...[]*doc.Value) {
	for _, group := range groups {
		for _, v := range group {
			p.print(v.Decl)
		}
	}
}

func (p *apiPrinter) funcs(groups ...[]*doc.Func) {
	for _, group := range groups {
		for _, f := range group {
			f.Decl.Body = nil
			p.print(f.Decl)
		}
	}
}

// print writes a declaration without the blank lines its comments leave behind.
func (p *apiPrinter) print(decl ast.Decl) {
	var text bytes.Buffer
	require.NoError(p.t, printer.Fprint(&text, p.fset, decl))
	for line := range strings.Lines(text.String()) {
		if strings.TrimSpace(line) != "" {
			p.out.WriteString(line)
		}
	}
	p.out.WriteString("\n")
}
