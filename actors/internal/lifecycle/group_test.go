package lifecycle

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/spec"
)

var abc = []spec.CloneID{"a:1", "b:1", "c:1"}

func TestAffectedSiblings(t *testing.T) {
	for _, c := range []struct {
		supervision spec.Supervision
		failed      spec.CloneID
		want        []spec.CloneID
	}{
		{spec.OneForOne, "b:1", nil},
		{spec.OneForAll, "b:1", abc},
		{spec.RestForOne, "b:1", []spec.CloneID{"b:1", "c:1"}},
		{spec.RestForOne, "c:1", []spec.CloneID{"c:1"}},
		{spec.OneForAll, "x:1", nil},
	} {
		if diff := cmp.Diff(c.want, Affected(c.supervision, abc, c.failed)); diff != "" {
			t.Errorf("%s, %s failed: -want +got\n%s", c.supervision, c.failed, diff)
		}
	}
}

func TestOneForAllStopsInReverseAndStartsInOrder(t *testing.T) {
	due := time.Unix(100, 0)
	g, hold := Group{}.Failed(Affected(spec.OneForAll, abc, "b:1"), "b:1", due)
	if diff := cmp.Diff([]spec.CloneID{"c:1", "a:1"}, hold); diff != "" {
		t.Fatalf("hold: -want +got\n%s", diff)
	}
	if _, start := g.Due(abc); start != nil {
		t.Fatalf("starts %v while %v still run", start, g.Waiting)
	}
	g = g.Held("a:1").Held("c:1")
	if g.Phase != GroupBackoff || !g.Until.Equal(due) {
		t.Fatalf("want backoff until %v, got %+v", due, g)
	}
	g, start := g.Due(abc)
	if diff := cmp.Diff(abc, start); diff != "" || g.Phase != GroupIdle {
		t.Fatalf("start: -want +got\n%s%+v", diff, g)
	}
}

func TestAMemberThatTheUserStoppedIsNotStartedAgain(t *testing.T) {
	g, _ := Group{}.Failed(Affected(spec.OneForAll, abc, "a:1"), "a:1", time.Unix(100, 0))
	g = g.Held("b:1").Left("c:1")
	_, start := g.Due(abc)
	if diff := cmp.Diff([]spec.CloneID{"a:1", "b:1"}, start); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
}

// However failures, ends and departures interleave, a group restart ends, and starts exactly the members that stayed.
func TestGroupRestartsAlwaysEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g Group
		left := map[spec.CloneID]bool{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			id := rapid.SampledFrom(abc).Draw(t, "id")
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				if !left[id] {
					g, _ = g.Failed(Affected(spec.RestForOne, abc, id), id, time.Unix(1, 0))
				}
			case 1:
				g = g.Held(id)
			case 2:
				g = g.Left(id)
				left[id] = true
			}
		}
		for _, id := range abc {
			g = g.Held(id)
		}
		want := g.Members
		next, start := g.Due(abc)
		if next.Phase != GroupIdle || len(start) != len(want) {
			t.Fatalf("%+v does not end: starts %v", g, start)
		}
	})
}
