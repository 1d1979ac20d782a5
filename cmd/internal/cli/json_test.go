package cli

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
)

// TestThePageOfJSONNamesEveryField: whoever adds a field says what it is.
func TestThePageOfJSONNamesEveryField(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "reference", "json.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	for _, v := range []any{
		control.StatusReply{}, control.DaemonStatus{}, actors.ProcessStatus{}, event.Exit{}, event.Record{}, actors.Report{}, actors.Outcome{},
		actors.RoleStatus{}, control.WhyReply{}, control.Story{}, spec.Change{}, spec.Problem{}, checkReply{}, jsonLogLine{},
	} {
		kind := reflect.TypeOf(v)
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			if !strings.Contains(page, `"`+name+`"`) && !strings.Contains(page, "`"+name+"`") {
				t.Errorf("docs/reference/json.md does not name %s of %s", name, kind)
			}
		}
	}
}
