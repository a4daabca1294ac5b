-- Nothing looks spans up by a key or a control ID any more: the tables of 0042 and key_sightings say where they lie.
-- The filters cost about seven bytes a span, and hashing at every insert and every merge.
ALTER TABLE ${table:spans} DROP INDEX IF EXISTS control_id_set;

ALTER TABLE ${table:spans} DROP INDEX IF EXISTS key_token_set;
