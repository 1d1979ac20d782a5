package channel

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/spec"
)

func TestSMTPURLs(t *testing.T) {
	for url, want := range map[string]smtpServer{
		"smtp://mail":                            {host: "mail", port: "25", startTLS: "opportunistic"},
		"smtp://mail:25/":                        {host: "mail", port: "25", startTLS: "opportunistic"},
		"smtp://u:p@mail":                        {host: "mail", port: "587", startTLS: "required", user: "u", password: "p"},
		"smtps://u:p@mail":                       {host: "mail", port: "465", startTLS: "required", implicit: true, user: "u", password: "p"},
		"smtps://mail:4650":                      {host: "mail", port: "4650", startTLS: "opportunistic", implicit: true},
		"smtp://a%40b.c:p%3A%2f%25@[::1]:2525":   {host: "::1", port: "2525", startTLS: "required", user: "a@b.c", password: "p:/%"},
		"smtp://u:p@ss@mail_1:26":                {host: "mail_1", port: "26", startTLS: "required", user: "u", password: "p@ss"},
		"smtp://mail?starttls=off&insecure=true": {host: "mail", port: "25", startTLS: "off", insecure: true},
		"smtp://u:p@mail?starttls=opportunistic": {host: "mail", port: "587", startTLS: "opportunistic", user: "u", password: "p"},
		"smtp://mail?helo=web1.example.com":      {host: "mail", port: "25", startTLS: "opportunistic", helo: "web1.example.com"},
		"smtp://mail?helo=[IPv6:2001:db8::1]":    {host: "mail", port: "25", startTLS: "opportunistic", helo: "[IPv6:2001:db8::1]"},
	} {
		got, err := parseSMTPURL(url)
		if err != nil || got != want {
			t.Errorf("%s: want %#v, got %#v, %v", url, want, got, err)
		}
	}
}

func TestSMTPURLsThatAreWrong(t *testing.T) {
	for url, want := range map[string]error{
		"":                                       errSMTPForm,
		"mail:587":                               errSMTPForm,
		"http://mail":                            errSMTPForm,
		"smtp://":                                errSMTPForm,
		"smtp:mail":                              errSMTPForm,
		"smtp://u:hunter2/x@mail:587":            errSMTPForm,
		"smtp://u:12/hunter2@mail:587":           errSMTPForm,
		"smtp://u:hunter2#x@mail:587":            errSMTPForm,
		"smtp://u:hunter2%zz@mail:587":           errSMTPForm,
		"smtp://u:hunter2 x@mail:587":            errSMTPForm,
		"smtp://u:12?hunter2@mail:587":           errSMTPOption,
		"hunter2://mail":                         errSMTPForm,
		"smtp://hunter2@mail":                    errSMTPUser,
		"smtp://:hunter2@mail":                   errSMTPUser,
		"smtp://u:@mail":                         errSMTPUser,
		"smtp://u:hunter2%00@mail":               errSMTPControl,
		"smtp://u%0d%0a:hunter2@mail":            errSMTPControl,
		"smtp://mail:0":                          errSMTPPort,
		"smtp://mail:70000":                      errSMTPPort,
		"smtp://mäil":                            errSMTPHost,
		"smtp://mail(hunter2)":                   errSMTPHost,
		"smtp://[fe80::1%25a%20b]":               errSMTPHost,
		"smtp://mail?hunter2=1":                  errSMTPOption,
		"smtp://mail?starttls=off&starttls=off":  errSMTPOption,
		"smtp://mail?starttls=hunter2":           errSMTPStartTLS,
		"smtps://mail?starttls=required":         errSMTPImplicit,
		"smtp://mail?insecure=hunter2":           errSMTPInsecure,
		"smtp://mail?insecure":                   errSMTPInsecure,
		"smtp://mail?helo=hunter2%0d%0aMAIL":     errSMTPHelo,
		"smtp://mail?helo=":                      errSMTPHelo,
		"smtp://mail?helo=[192.0.2.1":            errSMTPHelo,
		"smtp://mail?helo=[fe80::1%25hunter2+x]": errSMTPHelo,
	} {
		err := CheckSMTPURL(url)
		if err != want {
			t.Errorf("%s: want %q, got %v", url, want, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the password: %q", url, err)
		}
	}
}

func TestErrorsOfSMTPURLsTellNothingOfThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Digits that no reason holds, with whatever tears a URL apart.
		password := "9" + rapid.StringMatching(`[9#/?%:@\[ &=+;]{0,6}`).Draw(t, "password") + "999"
		if err := CheckSMTPURL("smtp://ops:" + password + "@mail:587"); err != nil && strings.Contains(err.Error(), "9") {
			t.Fatalf("%q", err)
		}
	})
}

func TestEmailConfigurationsThatAreWrong(t *testing.T) {
	good := spec.Email{SMTP: "smtp://u:hunter2@mail", From: "Phorever <a@example.com>", To: []string{"b@example.com"}}
	if _, err := NewEmail(good, time.Now); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want   string
		change func(*spec.Email)
	}{
		{"smtp: ", func(e *spec.Email) { e.SMTP = "smtp://hunter2@mail" }},
		{`from: "nobody" is no mail address`, func(e *spec.Email) { e.From = "nobody" }},
		{`from: "a@example.com\r\nBcc: b@example.com" is no mail address`, func(e *spec.Email) { e.From = "a@example.com\r\nBcc: b@example.com" }},
		{`to: "b@example.com, c@example.com" is no mail address`, func(e *spec.Email) { e.To = []string{"b@example.com, c@example.com"} }},
		{"to: nobody", func(e *spec.Email) { e.To = nil }},
	} {
		bad := good
		c.change(&bad)
		_, err := NewEmail(bad, time.Now)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}
