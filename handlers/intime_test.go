package handlers

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What is in time is as a context of the standard library with that deadline would be, whether or not anybody waits for its end.
func TestInTimeIsAContext(t *testing.T) {
	type key struct{}
	const long = 2 * time.Second
	for name, wait := range map[string]func(context.Context){
		"nobody waits": func(context.Context) {},
		"one waits":    func(ctx context.Context) { ctx.Done() },
		"many wait": func(ctx context.Context) {
			var g sync.WaitGroup
			for range 8 {
				g.Go(func() { ctx.Done(); _ = ctx.Err(); _ = ctx.Value(key{}) })
			}
			g.Wait()
		},
	} {
		for end, test := range map[string]struct {
			want error
			end  func(t *inTime, cancel func())
		}{
			"not at all":                  {nil, func(*inTime, func()) {}},
			"not before its time":         {nil, func(*inTime, func()) { time.Sleep(time.Second - 1) }},
			"by itself":                   {context.DeadlineExceeded, func(*inTime, func()) { time.Sleep(long) }},
			"by itself, and then by end":  {context.DeadlineExceeded, func(c *inTime, _ func()) { time.Sleep(long); c.end() }},
			"by itself, then its parent":  {context.DeadlineExceeded, func(c *inTime, f func()) { time.Sleep(long); _ = c.Err(); f() }},
			"by end":                      {context.Canceled, func(c *inTime, _ func()) { c.end() }},
			"by end, and then by itself":  {context.Canceled, func(c *inTime, _ func()) { c.end(); time.Sleep(long); c.end() }},
			"by its parent":               {context.Canceled, func(_ *inTime, cancel func()) { cancel() }},
			"by its parent, then by end":  {context.Canceled, func(c *inTime, cancel func()) { cancel(); c.end() }},
			"by its parent, later itself": {context.Canceled, func(c *inTime, cancel func()) { cancel(); _ = c.Err(); time.Sleep(long) }},
		} {
			t.Run(name+", ends "+end, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
					defer cancel()
					c := within(parent, time.Second)
					defer c.end()
					wait(c)
					test.end(c, cancel)
					if err := c.Err(); !errors.Is(err, test.want) {
						t.Errorf("%v, want %v", err, test.want)
					}
					child, cancelChild := context.WithCancel(context.WithValue(c, key{}, "own")) // which waits
					defer cancelChild()
					synctest.Wait()
					for what, ctx := range map[string]context.Context{"itself": c, "a child": child} {
						if err := ctx.Err(); !errors.Is(err, test.want) || !errors.Is(context.Cause(ctx), test.want) {
							t.Errorf("%s: %v because of %v, want %v", what, err, context.Cause(ctx), test.want)
						}
						select {
						case <-ctx.Done():
							if test.want == nil {
								t.Errorf("%s is done", what)
							}
						default:
							if test.want != nil {
								t.Errorf("%s is not done", what)
							}
						}
					}
					if c.Value(key{}) != "kept" || child.Value(key{}) != "own" {
						t.Error("values are lost")
					}
				})
			})
		}
	}
}

// The sooner one of two deadlines counts, and who derives a context starts no goroutine.
func TestInTimeWithinAnother(t *testing.T) {
	parent, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := within(parent, time.Hour)
	defer c.end()
	want, _ := parent.Deadline()
	if got, ok := c.Deadline(); !ok || !got.Equal(want) {
		t.Errorf("deadline %v, want that of the parent, %v", got, want)
	}
	before := runtime.NumGoroutine()
	for range 100 {
		_, stop := context.WithCancel(c)
		defer stop()
	}
	if n := runtime.NumGoroutine(); n > before+10 {
		t.Errorf("%d goroutines more for 100 contexts", n-before)
	}
}
