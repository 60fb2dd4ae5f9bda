package main

import (
	"bytes"
	"os"
	"testing"
)

func TestListIsUpToDate(t *testing.T) {
	want, err := list()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v: docs/licences.md is not what go generate ./scripts/licences writes", err)
	}
}

func TestLicenceOf(t *testing.T) {
	for text, want := range map[string]string{
		"MIT License\n\nPermission is hereby granted, free of charge, to any person\nobtaining a copy of": "MIT",
		"Apache License\n  Version 2.0, January 2004":                                                     "Apache-2.0",
		"Redistribution and use in source and binary forms, with or without":                              "BSD-2-Clause",
		"Redistribution and use in source and\nbinary forms ... may be used to endorse or promote":        "BSD-3-Clause",
		"GNU AFFERO GENERAL PUBLIC LICENSE Version 3":                                                     "copyleft",
		"Mozilla Public License Version 2.0":                                                              "copyleft",
		"All rights reserved.":                                                                            "",
	} {
		if got := licenceOf(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if _, ok := taken["copyleft"]; ok {
		t.Error("copyleft is taken")
	}
	if _, err := licenceIn(t.TempDir()); err == nil {
		t.Error("a folder without a licence has one")
	}
}
