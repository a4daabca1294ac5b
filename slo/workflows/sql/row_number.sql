-- A number for what a row of instances is about, as a reader of some time tells rows apart: by week, too. An expression.
cityHash64(toMonday(started_at), workflow, journey, item, version, occurrence)
