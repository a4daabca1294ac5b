-- Facilities that have open instances.
SELECT DISTINCT facility FROM open_instances WHERE facility != '' ORDER BY facility
