// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A text user interface, by github.com/charmbracelet/bubbletea, on a pseudo
// terminal whose other end this test holds: it types, changes the size, looks
// at the screen and ends the program by a key and by a signal.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/creack/pty"
)

// model counts keys and shows the size of the terminal.
type model struct {
	typed         string
	width, height int
	ticks         int
}

type tick struct{}

func clock() tea.Cmd {
	return tea.Tick(20*time.Millisecond, func(time.Time) tea.Msg { return tick{} })
}

func (m model) Init() tea.Cmd { return clock() }

func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyMsg:
		switch msg.String() {
		case "q":
			return m, tea.Quit
		case "up":
			m.typed += "<up>"
		case "enter":
			m.typed += "<enter>"
		default:
			m.typed += msg.String()
		}
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tick:
		m.ticks++
		return m, clock()
	}
	return m, nil
}

func (m model) View() string {
	clockSays := "slow"
	if m.ticks > 3 {
		clockSays = "runs"
	}
	return fmt.Sprintf("typed [%s]\nsize [%dx%d]\nclock [%s]\n", m.typed, m.width, m.height, clockSays)
}

func TestMain(m *testing.M) {
	if os.Getenv("PROBE_TUI") != "" {
		final, err := tea.NewProgram(model{}, tea.WithAltScreen()).Run()
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(3)
		}
		fmt.Printf("final [%s]\n", final.(model).typed)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A screen is what a program has written to its terminal so far.
type screen struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	mu   sync.Mutex
	text []byte
	end  chan struct{}
}

func start(t *testing.T) *screen {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, cmd: exec.Command(exe), end: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), "PROBE_TUI=1", "TERM=xterm-256color")
	if s.tty, err = pty.StartWithSize(s.cmd, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.end)
		b := make([]byte, 4096)
		for {
			n, err := s.tty.Read(b)
			s.mu.Lock()
			s.text = append(s.text, b[:n]...)
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *screen) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Contains(s.text, []byte(text))
}

// await waits until the program has written text.
func (s *screen) await(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !s.has(text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.cmd.Process.Kill()
			s.t.Fatalf("no %q; the terminal got\n%q", text, s.text)
		}
	}
}

func (s *screen) wait() error {
	err := s.cmd.Wait()
	s.tty.SetReadDeadline(time.Now().Add(2 * time.Minute))
	select {
	case <-s.end:
	case <-time.After(2 * time.Minute):
		s.t.Error("the terminal's other end is not at its end")
	}
	s.tty.Close()
	return err
}

func TestKeys(t *testing.T) {
	s := start(t)
	s.await("size [80x24]")
	s.await("clock [runs]")
	s.tty.WriteString("ab\x1b[A\r")
	s.await("typed [ab<up><enter>]")
	if err := pty.Setsize(s.tty, &pty.Winsize{Rows: 33, Cols: 111}); err != nil {
		t.Fatal(err)
	}
	s.await("size [111x33]")
	s.tty.WriteString("q")
	s.await("final [ab<up><enter>]")
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	if !s.has("\x1b[?1049h") || !s.has("\x1b[?1049l") {
		t.Errorf("the other screen was not entered and left: %q", s.text)
	}
}

// TestSignal: ctrl-C is a key in raw mode; SIGTERM is not.
func TestSignal(t *testing.T) {
	s := start(t)
	s.await("clock [runs]")
	s.tty.WriteString("\x03")
	s.await("typed [ctrl+c]")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := s.wait()
	if s.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("killed: %v", err)
	}
	if !strings.Contains(string(s.text), "\x1b[?1049l") {
		t.Errorf("the terminal was not restored: %q", s.text)
	}
}
