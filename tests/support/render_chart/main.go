// render_chart renders a Helm chart as `helm template` does, for tests on machines without Helm.
//
// Usage: render_chart CHART [VALUES.yaml…]
//
// Values are coalesced with the chart's and checked by values.schema.json. Prints {"manifests": [{"source", "text"}], "notes"}.
// Where Helm is lenient, this is strict: a value that does not exist is an error, and so is a key that stands twice. Left out is
// what needs a cluster (lookup finds nothing, .Capabilities are those of Kubernetes 1.29) and what the chart does not have
// (subcharts, hooks, library charts).
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/xeipuuv/gojsonschema"
	"gopkg.in/yaml.v3"
)

type object = map[string]interface{}

// Files is .Files: what is in the chart beside its templates.
type Files map[string][]byte

func (f Files) Get(name string) string { return string(f[name]) }

func (f Files) Glob(pattern string) Files {
	found := Files{}
	for name, text := range f {
		if ok, _ := path.Match(pattern, name); ok {
			found[name] = text
		}
	}
	return found
}

type apiVersions []string

func (a apiVersions) Has(version string) bool {
	for _, known := range a {
		if known == version {
			return true
		}
	}
	return false
}

// read parses YAML as Helm does: by way of JSON, so that every number is a float64.
func read(text []byte) (interface{}, error) {
	var value interface{}
	if err := yaml.Unmarshal(text, &value); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var plain interface{}
	err = json.Unmarshal(asJSON, &plain)
	return plain, err
}

func toYAML(value interface{}) (string, error) {
	asJSON, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	var plain interface{}
	if err := yaml.Unmarshal(asJSON, &plain); err != nil { // keeps integers
		return "", err
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	err = encoder.Encode(plain)
	return strings.TrimSuffix(text.String(), "\n"), err
}

// coalesce puts over on top of base: maps merge, anything else replaces, null removes.
func coalesce(base, over object) object {
	for key, value := range over {
		inner, isMap := value.(object)
		below, wasMap := base[key].(object)
		switch {
		case value == nil:
			delete(base, key)
		case isMap && wasMap:
			base[key] = coalesce(below, inner)
		default:
			base[key] = value
		}
	}
	return base
}

func functions(root *template.Template) template.FuncMap {
	all := sprig.TxtFuncMap()
	for _, forbidden := range []string{"env", "expandenv"} {
		delete(all, forbidden)
	}
	all["toYaml"] = toYAML
	all["fromYaml"] = func(text string) (interface{}, error) { return read([]byte(text)) }
	all["fail"] = func(message string) (string, error) { return "", errors.New(message) }
	all["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(message)
		}
		return value, nil
	}
	all["lookup"] = func(version, kind, namespace, name string) object { return object{} }
	all["include"] = func(name string, data interface{}) (string, error) {
		var text strings.Builder
		err := root.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	all["tpl"] = func(text string, data interface{}) (string, error) {
		copied, err := root.Clone()
		if err != nil {
			return "", err
		}
		parsed, err := copied.New("tpl").Parse(text)
		if err != nil {
			return "", err
		}
		var result strings.Builder
		err = parsed.Execute(&result, data)
		return result.String(), err
	}
	return all
}

func readMap(file string) (object, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	value, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if value == nil {
		return object{}, nil
	}
	asMap, ok := value.(object)
	if !ok {
		return nil, fmt.Errorf("%s: not a map", file)
	}
	return asMap, nil
}

func checkValues(chart string, values object) error {
	schema, err := os.ReadFile(filepath.Join(chart, "values.schema.json"))
	if err != nil {
		return err
	}
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewGoLoader(values))
	if err != nil {
		return err
	}
	var wrong []string
	for _, one := range result.Errors() {
		wrong = append(wrong, one.String())
	}
	if len(wrong) > 0 {
		sort.Strings(wrong)
		return fmt.Errorf("values don't meet the specifications of the schema:\n%s", strings.Join(wrong, "\n"))
	}
	return nil
}

// load reads all of a chart but its values; links are followed, as Helm does.
func load(chart, under string, into Files) error {
	entries, err := os.ReadDir(filepath.Join(chart, under))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(under, entry.Name())
		about, err := os.Stat(filepath.Join(chart, name))
		if err != nil {
			return err
		}
		if about.IsDir() {
			if name == "ci" {
				continue
			}
			if err := load(chart, name, into); err != nil {
				return err
			}
			continue
		}
		if into[name], err = os.ReadFile(filepath.Join(chart, name)); err != nil {
			return err
		}
	}
	return nil
}

var separator = regexp.MustCompile(`(?m)^---\s*$`)

type manifest struct {
	Source string `json:"source"`
	Text   string `json:"text"`
}

func run(chart string, valueFiles []string) (interface{}, error) {
	values, err := readMap(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range valueFiles {
		over, err := readMap(file)
		if err != nil {
			return nil, err
		}
		values = coalesce(values, over)
	}
	if err := checkValues(chart, values); err != nil {
		return nil, err
	}
	about, err := readMap(filepath.Join(chart, "Chart.yaml"))
	if err != nil {
		return nil, err
	}
	files := Files{}
	if err := load(chart, "", files); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}

	root := template.New("chart").Option("missingkey=error")
	root.Funcs(functions(root))
	var names []string
	for name, text := range files {
		if strings.HasPrefix(name, "templates/") {
			names = append(names, name)
			if _, err := root.New(name).Parse(string(text)); err != nil {
				return nil, err
			}
			delete(files, name)
		}
	}
	sort.Strings(names)
	data := object{
		"Values":  values,
		"Files":   files,
		"Release": object{"Name": "test", "Namespace": "databases", "Service": "Helm", "IsInstall": true, "IsUpgrade": false, "Revision": 1},
		"Chart":   object{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
		"Capabilities": object{"KubeVersion": object{"Version": "v1.29.0", "Major": "1", "Minor": "29"},
			"APIVersions": apiVersions{"v1", "apps/v1", "monitoring.coreos.com/v1"}},
	}
	manifests, notes := []manifest{}, ""
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		data["Template"] = object{"Name": name, "BasePath": "templates"}
		var text strings.Builder
		if err := root.ExecuteTemplate(&text, name, data); err != nil {
			return nil, err
		}
		if path.Base(name) == "NOTES.txt" {
			notes = text.String()
			continue
		}
		for _, document := range separator.Split(text.String(), -1) {
			value, err := read([]byte(document))
			if err != nil {
				return nil, fmt.Errorf("%s: %w\n%s", name, err, document)
			}
			if value != nil {
				manifests = append(manifests, manifest{name, strings.TrimSpace(document) + "\n"})
			}
		}
	}
	return object{"manifests": manifests, "notes": notes}, nil
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: render_chart CHART [VALUES.yaml…]")
		os.Exit(2)
	}
	result, err := run(os.Args[1], os.Args[2:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "render_chart:", err)
		os.Exit(1)
	}
}
