package zzperf

import (
	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/model"
)

func opts(s *db.DB) engine.Options { return engine.Options{Store: s, Trainer: model.Trainer{}} }
