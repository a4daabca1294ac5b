-- Once a day the parts of key_facts that are older than a day become one: a key is looked up in every large part, and
-- finding that it is not there costs most of what finding it does. In one part instead of four a step of the identity
-- resolver takes three quarters of the processor time. The merge takes about 30 s of it for a million journeys.
ALTER TABLE ${table:key_facts} MODIFY SETTING min_age_to_force_merge_seconds = 86400;
