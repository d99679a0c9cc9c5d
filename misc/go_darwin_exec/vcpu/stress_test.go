// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package vcpu_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/internal/testguest"
	"goxnu/misc/go_darwin_exec/patch"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// duration is how long a stress test runs.
func duration() time.Duration {
	if testing.Short() {
		return 300 * time.Millisecond
	}
	return 2 * time.Second
}

// hang is how long something may take that takes no time.
const hang = 2 * time.Minute

// collectGarbage keeps the collector and the allocator busy until the test ends.
func collectGarbage(t *testing.T) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var keep [64][]byte
			for i := 0; !stop.Load(); i++ {
				keep[i%len(keep)] = make([]byte, 100+i%5000)
				if i%1000 == 0 {
					runtime.GC()
				}
			}
		})
	}
	t.Cleanup(func() { stop.Store(true); wg.Wait() })
}

// bind makes the goroutine a guest thread.
func bind(t testing.TB, c *vcpu.Ctx) (unbind func()) {
	runtime.LockOSThread()
	if err := c.Bind(); err != nil {
		t.Fatal(err)
	}
	return func() {
		c.Unbind()
		c.Free()
		runtime.UnlockOSThread()
	}
}

func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(max(8, 4*runtime.NumCPU()))
	m.Run()
}

func TestSelfTest(t *testing.T) {
	for range 100 {
		if err := vcpu.SelfTest(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAllRegisters runs guests that check all their registers all the time,
// through traps, trampolines, kicks, the collector's preemption signals and
// conversions of the FP state. It finds lost and mixed up registers, and
// system calls that are lost or made twice.
func TestAllRegisters(t *testing.T) {
	all, sse := testguest.AllRegisters(), testguest.AllRegistersSSE
	for _, mode := range []struct {
		name         string
		code         testguest.Code
		calls, patch bool
		vector       uint8
		fp           uint32
	}{
		{"Spin", all, false, false, 0, vcpu.FPQuick},
		{"Trap", all, true, false, 0, vcpu.FPQuick},
		{"Trampoline", all, true, true, 0, vcpu.FPQuick},
		{"Xsave", all, true, true, 0, vcpu.FPXsave},
		{"Fxsave", sse, true, true, 0, vcpu.FPFxsr},
		{"FxsaveTrap", sse, true, false, 0, vcpu.FPFxsr},
		{"Spin32", testguest.AllRegisters32, false, false, 0, vcpu.FPQuick},
		{"Trap32", testguest.AllRegisters32, true, false, 0x80, vcpu.FPQuick},
		{"Fault32", testguest.AllRegistersMach32, true, false, 0x81, vcpu.FPQuick},
		{"Trampoline32", testguest.AllRegisters32, true, true, 0x80, vcpu.FPQuick},
		{"TrampolineMach32", testguest.AllRegistersMach32, true, true, 0x81, vcpu.FPQuick},
		{"Xsave32", testguest.AllRegisters32, true, true, 0x80, vcpu.FPXsave},
		{"Fxsave32", testguest.AllRegistersSSE32, true, true, 0x80, vcpu.FPFxsr},
		{"FxsaveTrap32", testguest.AllRegistersSSE32, true, false, 0x80, vcpu.FPFxsr},
	} {
		t.Run(mode.name, func(t *testing.T) {
			restore, ok := vcpu.SetFPMode(mode.fp)
			if !ok {
				t.Skip("this CPU lacks that")
			}
			defer restore()
			rnd := testguest.Rand(t)
			collectGarbage(t)
			const (
				threads   = 4
				minRounds = 1000 // however busy the machine is
			)
			g := testguest.Load(t, mode.code, threads)
			p := patch.New(g.Space, g.Code32)
			end := time.Now().Add(duration())
			var wg, running sync.WaitGroup
			var ctxs [threads]*vcpu.Ctx
			var kicks, events, traps atomic.Int64
			for i := range threads {
				c := g.Start(t, i, rnd)
				ctxs[i] = c
				if mode.calls {
					g.Block(i).Mode = 1
				}
				r := rand.New(rand.NewPCG(rnd.Uint64(), 0))
				running.Add(1)
				wg.Go(func() {
					defer bind(t, c)()
					running.Done()
					for n := 0; time.Now().Before(end) || g.Block(i).Count < minRounds; n++ {
						events.Add(1)
						switch e := c.Run(); e {
						case vcpu.EventSyscall:
							if c.RAX != testguest.NumberPID || c.Int != mode.vector {
								t.Errorf("thread %d: system call %#x, INT %#x", i, c.RAX, c.Int)
								return
							}
							if c.Trapped {
								traps.Add(1)
								if mode.patch {
									p.Trap(c)
								}
							}
							c.RAX = 42
						case vcpu.EventKick:
							c.TakeKick()
							p.Normalize(&c.Regs)
						case vcpu.EventFault:
							t.Errorf("thread %d, event %d: %s", i, n, g.Diff(c, i))
							return
						}
						if r.IntN(16) == 0 {
							c.XState()
						}
						if r.IntN(64) == 0 {
							runtime.Gosched()
						}
					}
				})
			}
			running.Wait()
			over := make(chan bool)
			go func() { wg.Wait(); close(over) }()
			for lost := end.Add(hang); ; {
				select {
				case <-over:
				default:
					ctxs[rnd.IntN(threads)].Kick()
					kicks.Add(1)
					if rnd.IntN(4) == 0 {
						time.Sleep(time.Duration(rnd.IntN(100)) * time.Microsecond)
					}
					if time.Now().After(lost) {
						t.Fatal("a kick was lost")
					}
					continue
				}
				break
			}
			var rounds uint64
			for i := range threads {
				rounds += g.Block(i).Count
			}
			t.Logf("%d rounds, %d events, %d traps, %d kicks", rounds, events.Load(), traps.Load(), kicks.Load())
			// A thread's first call may trap, and no other: a kick that finds it
			// in the trampoline sends it there once more.
			if _, patched := p.Sites(); mode.patch && (patched != 1 || traps.Load() > threads) {
				t.Errorf("%d sites patched, %d traps by %d threads", patched, traps.Load(), threads)
			}
		})
	}
}

// endless is a Mode that a guest does not count down to 0, even in 32 bits.
const endless = 1<<32 - 1

// TestKickStress posts work to a guest that makes system calls as fast as it
// can, or none. Each kick must make it look, without another one's help.
func TestKickStress(t *testing.T) {
	for _, code := range []testguest.Code{testguest.Spin, testguest.GetPID, testguest.Spin32, testguest.GetPID32} {
		rnd := testguest.Rand(t)
		g := testguest.Load(t, code, 1)
		p := patch.New(g.Space, g.Code32)
		c := g.Start(t, 0, rnd)
		g.Block(0).Mode = endless
		var posted, seen atomic.Int64
		var quit atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			defer bind(t, c)()
			for !quit.Load() {
				switch c.Run() {
				case vcpu.EventSyscall:
					if c.Trapped {
						p.Trap(c)
					}
					c.RAX = 1
				case vcpu.EventKick:
					p.Normalize(&c.Regs)
				case vcpu.EventFault:
					t.Errorf("fault: trap %d at %#x", c.Trapno, c.RIP)
					return
				}
				if c.TakeKick() {
					seen.Store(posted.Load())
				}
			}
		})
		end := time.Now().Add(duration())
		n := 0
		for ; time.Now().Before(end); n++ {
			posted.Add(1)
			c.Kick()
			start := time.Now()
			for try := 0; seen.Load() != posted.Load(); try++ {
				if try > 1000 {
					time.Sleep(10 * time.Microsecond)
				}
				if time.Since(start) > hang {
					t.Fatalf("kick %d was lost", n)
				}
			}
			for range rnd.IntN(200) {
				runtime.KeepAlive(n)
			}
		}
		quit.Store(true)
		c.Kick()
		wg.Wait()
		t.Logf("%d kicks", n)
	}
}

// TestBlockedKick kicks a thread that is about to block in a host call for
// ever, or does already, or has just been kicked.
func TestBlockedKick(t *testing.T) {
	t.Run("Blocking", func(t *testing.T) { testBlockedKick(t, (*vcpu.Ctx).Blocking) })
	t.Run("Sleeping", func(t *testing.T) { testBlockedKick(t, (*vcpu.Ctx).Sleeping) })
}

func testBlockedKick(t *testing.T, call func(c *vcpu.Ctx, nr, a1, a2, a3, a4, a5, a6 uintptr) (r, errno uintptr, kicked bool)) {
	rnd := testguest.Rand(t)
	collectGarbage(t)
	c, err := vcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	var quit atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		defer bind(t, c)()
		for !quit.Load() {
			_, errno, kicked := call(c, syscall.SYS_PAUSE, 0, 0, 0, 0, 0, 0)
			if !kicked || errno != uintptr(syscall.EINTR) {
				t.Errorf("pause: errno %d, kicked %v", errno, kicked)
				return
			}
			if c.TakeKick() {
				calls.Add(1)
			}
		}
	})
	end := time.Now().Add(duration())
	n := int64(0)
	for time.Now().Before(end) {
		n++
		c.Kick()
		start := time.Now()
		for calls.Load() != n {
			if time.Since(start) > hang {
				t.Fatalf("kick %d was lost", n)
			}
		}
		for range rnd.IntN(500) {
			runtime.KeepAlive(n)
		}
	}
	quit.Store(true)
	c.Kick()
	wg.Wait()
	t.Logf("%d kicks", n)
}

// TestBlockingResult checks what Blocking returns when nobody kicks.
func TestBlockingResult(t *testing.T) {
	c, err := vcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	defer bind(t, c)()
	if r, errno, kicked := c.Blocking(syscall.SYS_GETPID, 0, 0, 0, 0, 0, 0); r != uintptr(syscall.Getpid()) || errno != 0 || kicked {
		t.Errorf("getpid: %d, %d, %v", r, errno, kicked)
	}
	if r, errno, kicked := c.Blocking(syscall.SYS_CLOSE, 1<<30, 0, 0, 0, 0, 0); r != ^uintptr(0) || errno != uintptr(syscall.EBADF) || kicked {
		t.Errorf("close: %d, %d, %v", r, errno, kicked)
	}
	c.Kick()
	if _, _, kicked := c.Blocking(syscall.SYS_GETPID, 0, 0, 0, 0, 0, 0); !kicked {
		t.Error("a kick before the call was not seen")
	}
	if !c.TakeKick() || c.TakeKick() {
		t.Error("a kick must be taken once")
	}
}

// TestForkUnderGC forks guests while the collector runs; the children make
// system calls, fault and end.
func TestForkUnderGC(t *testing.T) {
	t.Run("64", func(t *testing.T) { forkUnderGC(t, testguest.GetPID) })
	t.Run("32", func(t *testing.T) { forkUnderGC(t, testguest.GetPID32) })
}

func forkUnderGC(t *testing.T, code testguest.Code) {
	rnd := testguest.Rand(t)
	collectGarbage(t)
	const calls = 20
	g := testguest.Load(t, code, 1)
	c := g.Start(t, 0, rnd)
	defer bind(t, c)()
	start := c.Regs
	end := time.Now().Add(duration())
	n := 0
	for ; time.Now().Before(end); n++ {
		c.Regs = start
		g.Block(0).Mode = calls
		pid, child, errno := vcpu.Fork()
		if child {
			childLoop(c)
		}
		if errno != 0 {
			t.Fatal(syscall.Errno(errno))
		}
		var ws syscall.WaitStatus
		done := make(chan bool)
		time.AfterFunc(hang, func() {
			select {
			case <-done:
			default:
				syscall.Kill(pid, syscall.SIGKILL)
			}
		})
		_, err := syscall.Wait4(pid, &ws, 0, nil)
		close(done)
		if err != nil || !ws.Exited() || ws.ExitStatus() != calls {
			t.Fatalf("fork %d: wait %v, status %#x, want exit status %d", n, err, ws, calls)
		}
		if g.Block(0).Mode != calls {
			t.Fatal("the child shares the parent's memory")
		}
	}
	t.Logf("%d forks", n)
}

// childLoop is what a forked child does: count the guest's calls, and exit.
func childLoop(c *vcpu.Ctx) {
	for n := uintptr(0); ; {
		switch c.RunChild() {
		case vcpu.EventSyscall:
			if c.RAX == testguest.NumberExit {
				vcpu.Raw(syscall.SYS_EXIT_GROUP, n, 0, 0, 0, 0, 0)
			}
			n++
		default:
			vcpu.Raw(syscall.SYS_EXIT_GROUP, 99, 0, 0, 0, 0, 0)
		}
	}
}

// TestPatchToggle takes the jump of a site away and puts it back while threads
// run through it. They must make every call, and nothing else.
func TestPatchToggle(t *testing.T) {
	t.Run("64", func(t *testing.T) { patchToggle(t, testguest.GetPID) })
	t.Run("32", func(t *testing.T) { patchToggle(t, testguest.GetPID32) })
}

func patchToggle(t *testing.T, code testguest.Code) {
	rnd := testguest.Rand(t)
	const threads = 2
	g := testguest.Load(t, code, threads)
	p := patch.New(g.Space, g.Code32)
	var wg sync.WaitGroup
	var site, end atomic.Uint64
	var first sync.Once
	var traps [threads]int
	for i := range threads {
		c := g.Start(t, i, rnd)
		b := g.Block(i)
		b.Mode = endless
		wg.Go(func() {
			defer bind(t, c)()
			for n := uint64(0); ; {
				switch c.Run() {
				case vcpu.EventSyscall:
					if c.Trapped {
						traps[i]++
						first.Do(func() { // later it would be patched again
							p.Trap(c)
							site.Store(c.RIP - 2)
						})
					}
					if c.RAX == testguest.NumberExit {
						if n != b.Count {
							t.Errorf("thread %d: %d calls, want %d", i, n, b.Count)
						}
						return
					}
					if c.RAX != testguest.NumberPID {
						t.Errorf("thread %d: call %#x", i, c.RAX)
						return
					}
					n++
					if c.RAX = 0; !c.Code32 {
						c.RCX, c.R11 = 0, 0
					}
					if end.Load() != 0 {
						b.Mode = 1
					}
				case vcpu.EventKick:
					c.TakeKick()
					p.Normalize(&c.Regs)
				case vcpu.EventFault:
					t.Errorf("thread %d: trap %d at +%#x", i, c.Trapno, c.RIP-g.Entry)
					return
				}
			}
		})
	}
	for site.Load() == 0 {
		runtime.Gosched()
	}
	toggles := 0
	on := false
	for stop := time.Now().Add(duration()); time.Now().Before(stop); on = !on {
		if !p.Toggle(site.Load(), on) {
			t.Fatalf("toggle %d failed", toggles)
		}
		toggles++
		for range rnd.IntN(2000) {
			runtime.KeepAlive(on)
		}
	}
	end.Store(1)
	wg.Wait()
	t.Logf("%d toggles, %d calls, traps %v", toggles, g.Block(0).Count+g.Block(1).Count, traps)
}

func benchmark(b *testing.B, code testguest.Code, patched bool) {
	g := testguest.Load(b, code, 1)
	p := patch.New(g.Space, g.Code32)
	c := g.Start(b, 0, testguest.Rand(b))
	g.Block(0).Mode = endless
	defer bind(b, c)()
	for b.Loop() {
		if c.Run() != vcpu.EventSyscall {
			b.Fatal("no system call")
		}
		if patched && c.Trapped {
			p.Trap(c)
		}
		c.RAX = 42
	}
	if _, n := p.Sites(); patched != (n == 1) {
		b.Fatal("patching did not go as planned")
	}
}

// TestSleeping: a kick ends what Sleeping waits for, and does not keep it from
// what need not be waited for.
func TestSleeping(t *testing.T) {
	c, err := vcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	defer bind(t, c)()
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(p[0])
	defer syscall.Close(p[1])
	b := make([]byte, 1)
	read := func() (r, errno uintptr, kicked bool) {
		return c.Sleeping(syscall.SYS_READ, uintptr(p[0]), uintptr(unsafe.Pointer(&b[0])), 1, 0, 0, 0)
	}
	for i := range byte(100) {
		syscall.Write(p[1], []byte{i})
		if i%2 == 0 {
			c.Kick()
		}
		if r, errno, kicked := read(); r != 1 || errno != 0 || kicked || b[0] != i {
			t.Fatalf("read %d of what is there: %d, errno %d, kicked %v", i, r, errno, kicked)
		}
		if kick := c.TakeKick(); kick != (i%2 == 0) {
			t.Fatalf("read %d: a kick is there: %v", i, kick)
		}
		c.Kick()
		if _, errno, kicked := read(); errno != uintptr(syscall.EINTR) || !kicked {
			t.Fatalf("read %d of what is not there: errno %d, kicked %v", i, errno, kicked)
		}
		if !c.TakeKick() {
			t.Fatalf("read %d took the kick", i)
		}
	}
	if r, errno, kicked := c.Sleeping(syscall.SYS_CLOSE, 1<<30, 0, 0, 0, 0, 0); r != ^uintptr(0) || errno != uintptr(syscall.EBADF) || kicked {
		t.Errorf("close: %d, %d, %v", r, errno, kicked)
	}
}

func BenchmarkTrap(b *testing.B)         { benchmark(b, testguest.GetPID, false) }
func BenchmarkTrampoline(b *testing.B)   { benchmark(b, testguest.GetPID, true) }
func BenchmarkTrap32(b *testing.B)       { benchmark(b, testguest.GetPID32, false) }
func BenchmarkTrampoline32(b *testing.B) { benchmark(b, testguest.GetPID32, true) }

func BenchmarkBlocking(b *testing.B) {
	c, err := vcpu.New()
	if err != nil {
		b.Fatal(err)
	}
	defer bind(b, c)()
	for b.Loop() {
		c.Blocking(syscall.SYS_GETPPID, 0, 0, 0, 0, 0, 0)
	}
}
