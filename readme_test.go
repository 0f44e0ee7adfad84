package kv_test

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
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

// The README begins with a program and with what it prints. The compiler and the test runner see both as Example.
func TestReadmeProgramIsTheExample(t *testing.T) {
	program := parseGo(t, "program of README.md", readmeBlocks(t, "go")[0])
	example, output := splitOutput(t, body(t, parseGo(t, "example_test.go", nil), "Example"))
	require.Equal(t, example, body(t, program, "main"))
	require.Equal(t, output, string(readmeBlocks(t, "text")[0]))
	require.Equal(t, packagesUsed(program.file), packagesImported(t, program.file), "imports of the program")
}

// The other pieces of Go in the README are pieces of examples.
func TestReadmeSnippetsAreFromExamples(t *testing.T) {
	files, err := filepath.Glob("example*_test.go")
	require.NoError(t, err)
	var examples []byte
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		examples = append(examples, text...)
	}
	for _, snippet := range readmeBlocks(t, "go")[1:] {
		found := strings.Contains(withoutIndent(examples), withoutIndent(snippet))
		require.True(t, found, "in no example:\n%s", snippet)
	}
}

// withoutIndent returns the lines of a text without the blanks around them.
func withoutIndent(text []byte) string {
	var s strings.Builder
	for line := range strings.Lines(string(text)) {
		s.WriteString(strings.TrimSpace(line) + "\n")
	}
	return s.String()
}

// Every source file has its line in "Reading the source", and no line is about a file that is gone.
func TestReadmeNamesEveryFile(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	_, chapter, found := strings.Cut(string(readme(t)), "\n## Reading the source\n")
	require.True(t, found)
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	var named []string
	for _, match := range regexp.MustCompile("`([a-z_]+\\.go)`").FindAllStringSubmatch(chapter, -1) {
		named = append(named, match[1])
	}
	require.ElementsMatch(t, files, named)
}

// Links to files of the project lead somewhere.
func TestReadmeLinks(t *testing.T) {
	text := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAll(readme(t), nil)
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllSubmatch(text, -1)
	require.NotEmpty(t, links)
	for _, link := range links {
		_, err := os.Stat(string(link[1]))
		require.NoError(t, err)
	}
}

func readme(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

// readmeBlocks returns the blocks of code in a language.
func readmeBlocks(t *testing.T, language string) [][]byte {
	t.Helper()
	var blocks [][]byte
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(readme(t), -1) {
		blocks = append(blocks, match[1])
	}
	require.NotEmpty(t, blocks)
	return blocks
}

// A source is a parsed file and its text.
type source struct {
	set  *token.FileSet
	file *ast.File
	text []byte
}

// parseGo parses a Go file, or a text in its place.
func parseGo(t *testing.T, name string, text []byte) source {
	t.Helper()
	if text == nil {
		var err error
		text, err = os.ReadFile(name)
		require.NoError(t, err)
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.ParseComments)
	require.NoError(t, err)
	return source{set, file, text}
}

// body returns the text between the braces of a function, comments included.
func body(t *testing.T, s source, function string) string {
	t.Helper()
	for _, decl := range s.file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == function && f.Recv == nil {
			from, to := s.set.Position(f.Body.Lbrace).Offset, s.set.Position(f.Body.Rbrace).Offset
			formatted, err := format.Source(s.text[from+1 : to])
			require.NoError(t, err)
			return strings.TrimSpace(string(formatted))
		}
	}
	t.Fatalf("no function %s", function)
	return ""
}

// splitOutput cuts the body of an example from its output.
func splitOutput(t *testing.T, body string) (code, output string) {
	t.Helper()
	code, comment, found := strings.Cut(body, "// Output:\n")
	require.True(t, found)
	for line := range strings.Lines(comment) {
		output += strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "//"), " ") + "\n"
	}
	return strings.TrimSpace(code), output
}

// packagesUsed returns the names before a dot that the file does not declare.
func packagesUsed(file *ast.File) []string {
	unresolved := map[*ast.Ident]bool{}
	for _, name := range file.Unresolved {
		unresolved[name] = true
	}
	var used []string
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if name, ok := s.X.(*ast.Ident); ok && unresolved[name] {
				used = append(used, name.Name)
			}
		}
		return true
	})
	slices.Sort(used)
	return slices.Compact(used)
}

// packagesImported returns the names of the packages that the file imports.
func packagesImported(t *testing.T, file *ast.File) []string {
	t.Helper()
	var imported []string
	for _, spec := range file.Imports {
		require.Nil(t, spec.Name)
		p, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		imported = append(imported, path.Base(p))
	}
	slices.Sort(imported)
	return imported
}
