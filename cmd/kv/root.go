package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/revkv/kv/cmd/kv/internal/place"
	"github.com/revkv/kv/cmd/kv/internal/ui"
)

// An app is one run of the program.
type app struct {
	ui     *ui.Screen
	folder string // --dir
}

// dir returns the folder of buckets.
func (a *app) dir() (string, error) { return place.Dir(a.folder, os.Getenv) }

// run runs a command line and returns the exit status.
func run(ctx context.Context, args []string, screen *ui.Screen) int {
	root := newRoot(&app{ui: screen})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err = errors.Join(err, screen.Flush()); err == nil {
		return statusDone
	}
	if !errors.Is(err, errNoCommand) {
		screen.Remarkf("kv: error: %s", message(err))
	}
	return statusOf(err)
}

// errNoCommand: the usage has been shown, which says it all.
var errNoCommand = errors.New("a subcommand from the list below is required, use --help for full help including flags and arguments")

const about = `Interacts with Key-Value buckets in a folder

The buckets are those of the NATS JetStream Key-Value store, and so are the
commands, but there is no server: everything is in one folder, which Go programs
open with github.com/revkv/kv.`

const folderHelp = `
The folder is that of --dir, else of the environment variable KV_DIR, else
%s.
Commands that read work while another process has the folder open, and change
nothing in it.

Exit status: 0 done, 1 failed (refused, not found, damaged), 2 the command line
cannot be understood.
`

// newRoot returns the command line.
func newRoot(a *app) *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use:           "kv",
		Long:          about + "\n" + fmt.Sprintf(folderHelp, place.DefaultText),
		Example:       "  kv add Bucket1\n  kv put Bucket1 Key1 Value1\n  kv get Bucket1 Key1",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return usagef("there is no command %q, did you mean %q?", args[0], near[0])
			}
			return usagef("there is no command %q", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.ui.Remarkf("error: %v\n\n%s", errNoCommand, shortUsage(cmd))
			return usageError{errNoCommand}
		},
	}
	root.SetOut(a.ui.Out)
	root.SetErr(a.ui.Err)
	root.SetUsageTemplate(usageTemplate)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SuggestionsMinimumDistance = 2
	root.PersistentFlags().StringVar(&a.folder, "dir", "", "use `FOLDER`, not that of $KV_DIR or else ~/.local/share/kv")
	_ = root.MarkPersistentFlagDirname("dir") // there is such a flag
	root.AddCommand(
		newAdd(a), newEdit(a), newPut(a), newGet(a), newCreate(a), newUpdate(a), newDel(a), newPurge(a),
		newHistory(a), newRevert(a), newInfo(a), newWatch(a), newLs(a), newCompact(a),
		newDiff(a), newStat(a), newVerify(a), newRepair(a), newBackup(a), newRestore(a), newExport(a), newImport(a),
	)
	return root
}

// version returns the version of the program as Go has built it.
func version() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		return build.Main.Version
	}
	return "unknown"
}

// shortUsage is what "kv" alone says.
func shortUsage(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: kv <command> [<args> ...]\n\n%s\n\nSubcommands:\n", about)
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() && cmd.Name() != "completion" {
			fmt.Fprintf(&b, "  kv %-8s %s\n", cmd.Name(), cmd.Short)
		}
	}
	b.WriteString("\nPass --help to see global flags applicable to this command.")
	return b.String()
}

const usageTemplate = `usage: {{if .HasAvailableSubCommands}}{{.CommandPath}} <command> [<args> ...]{{else}}{{.UseLine}}{{end}}{{if
.HasAvailableSubCommands}}

Subcommands:{{range .Commands}}{{if or .IsAvailableCommand (eq .Name "help")}}
  {{rpad .CommandPath 15}} {{.Short}}{{end}}{{end}}{{end}}{{if gt (len .Aliases) 0}}

Aliases:
  {{.NameAndAliases}}{{end}}{{if .HasExample}}

Example:
{{.Example}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Global flags:
{{.InheritedFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}
`

// arguments checks the flags of a command against each other, and the number of its arguments. Their names are those in its
// usage: "<bucket>" is needed, "[<key>]" is not.
func arguments(cmd *cobra.Command, args []string) error {
	if err := cmd.ValidateFlagGroups(); err != nil {
		return usageError{err}
	}
	names := strings.Fields(cmd.Use)[1:]
	for i, name := range names {
		if i >= len(args) && strings.HasPrefix(name, "<") {
			return usagef("required argument '%s' not provided", strings.Trim(name, "<>"))
		}
	}
	if len(args) > len(names) {
		return usagef("unexpected argument %q", args[len(names)])
	}
	return nil
}

// argument returns the i-th argument, or what it is without.
func argument(args []string, i int, without string) string {
	if i < len(args) {
		return args[i]
	}
	return without
}
