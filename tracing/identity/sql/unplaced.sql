-- Patients, among some, of whom there are messages that name nothing better.
SELECT DISTINCT token FROM key_sightings WHERE token IN {tokens:Array(String)} AND other_kind = 'message'
