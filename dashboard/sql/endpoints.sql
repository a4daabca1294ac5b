-- Which systems an interface connects and what it carries. Reads spans of one day; asked once a minute for everybody.
-- Parameters: since.
SELECT
    interface,
    anyLast(source) AS from_system,
    anyLast(destination) AS to_system,
    anyLast(system) AS protocol,
    arraySort(groupUniqArrayIf(12)(message, message != '')) AS messages
FROM spans
WHERE start > {since:DateTime64(9, 'UTC')} AND interface != ''
GROUP BY interface
