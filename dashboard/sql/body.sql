-- One message and its answer, both sealed.
SELECT body, answer FROM bodies WHERE trace_id = {trace:String} AND span_id = {span:String} LIMIT 1
