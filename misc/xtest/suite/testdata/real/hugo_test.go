// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// The static site generator github.com/gohugoio/hugo, built for the port, makes
// a small site, makes it again when the sources have changed, and serves it.
package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/gohugoio/hugo/common/types" // keeps the module among the requirements
)

var site = map[string]string{
	"hugo.toml": `baseURL = "https://example.com/"
title = "Little Site"
disableKinds = ["RSS", "sitemap", "taxonomy", "term"]
`,
	"layouts/list.html": `<h1>{{ or .Title site.Title }}</h1>
{{ range site.RegularPages.ByDate.Reverse }}<a href="{{ .RelPermalink }}">{{ .Title }}</a>
{{ end }}`,
	"layouts/single.html": `<title>{{ .Title }} | {{ site.Title }}</title>
{{ .Content }}{{ .Date.Format "2 January 2006" }}, {{ .WordCount }} words, {{ .Params.mood }}
`,
	"layouts/_shortcodes/twice.html": `<b>{{ .Get 0 }} {{ .Get 0 }}</b>`,
	"content/posts/first.md": `---
title: First & foremost
date: 2012-02-23
mood: calm
---
## A heading

Some *emphasis*, a [link](https://go.dev/) and {{< twice "xnu" >}}.

| a | b |
|---|---|
| 1 | 2 |
`,
	"content/posts/second.md":    "---\ntitle: Second\ndate: 2018-06-12\nmood: raw\n---\nPlain text.\n",
	"content/posts/unwritten.md": "---\ntitle: Draft\ndate: 2019-01-01\ndraft: true\n---\nNot yet.\n",
	"static/robots.txt":          "User-agent: *\n",
}

// pages are the files of the site, as they must be, but for blanks at the ends of lines.
var pages = map[string]string{
	"index.html": `<h1>Little Site</h1>
<a href="/posts/second/">Second</a>
<a href="/posts/first/">First &amp; foremost</a>
`,
	"posts/first/index.html": `<title>First &amp; foremost | Little Site</title>
<h2 id="a-heading">A heading</h2>
<p>Some <em>emphasis</em>, a <a href="https://go.dev/">link</a> and <b>xnu xnu</b>.</p>
<table>
<thead>
<tr>
<th>a</th>
<th>b</th>
</tr>
</thead>
<tbody>
<tr>
<td>1</td>
<td>2</td>
</tr>
</tbody>
</table>
23 February 2012, 13 words, calm
`,
	"posts/second/index.html": `<title>Second | Little Site</title>
<p>Plain text.</p>
12 June 2018, 2 words, raw
`,
	"robots.txt": "User-agent: *\n",
}

// newSite writes the site's sources, and returns how hugo is run there.
func newSite(t *testing.T) (dir string, hugo func(args ...string) *exec.Cmd) {
	t.Helper()
	exe, err := filepath.Abs("hugo")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, text := range site {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cache := t.TempDir()
	return dir, func(args ...string) *exec.Cmd {
		cmd := exec.Command(exe, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HUGO_CACHEDIR="+cache)
		return cmd
	}
}

var blanks = regexp.MustCompile(`[ \t]*\n\s*`)

func TestBuild(t *testing.T) {
	dir, hugo := newSite(t)
	check := func(want map[string]string) {
		t.Helper()
		if out, err := hugo().CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for name, text := range want {
			got, err := os.ReadFile(filepath.Join(dir, "public", name))
			if err != nil {
				t.Error(err)
			} else if got := blanks.ReplaceAllString(string(got), "\n"); got != text {
				t.Errorf("%s:\n%s\nwant\n%s", name, got, text)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "public", "posts", "unwritten")); err == nil {
			t.Error("the draft is there")
		}
	}
	check(pages)
	if err := os.WriteFile(filepath.Join(dir, "content/posts/second.md"), []byte("---\ntitle: Changed\ndate: 2018-06-12\nmood: new\n---\nOther words, *now*.\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	check(map[string]string{
		"index.html":              strings.Replace(pages["index.html"], "Second", "Changed", 1),
		"posts/first/index.html":  pages["posts/first/index.html"],
		"posts/second/index.html": "<title>Changed | Little Site</title>\n<p>Other words, <em>now</em>.</p>\n12 June 2018, 3 words, new\n",
	})
}

// TestServer has hugo serve the site and notice, by kqueue, that a page changes.
func TestServer(t *testing.T) {
	dir, hugo := newSite(t)
	cmd := hugo("server", "--bind=127.0.0.1", "--disableLiveReload", "--renderToMemory")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var url string
	said := bufio.NewScanner(out)
	for url == "" && said.Scan() {
		if m := regexp.MustCompile(`http://\S+:\d+/`).FindString(said.Text()); m != "" {
			url = m
		}
	}
	if url == "" {
		t.Fatal("hugo server says no address")
	}
	go io.Copy(io.Discard, out)
	get := func() string {
		resp, err := http.Get(url + "posts/second/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if got := get(); !strings.Contains(got, "<p>Plain text.</p>") {
		t.Fatalf("got %s", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "content/posts/second.md"), []byte("---\ntitle: Second\ndate: 2018-06-12\n---\nNews.\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(get(), "<p>News.</p>"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("a minute after the change: %s", get())
		}
	}
}
