-- Keys that were ever placed in some journeys; those that moved on since are the reader's to leave out.
SELECT token FROM journey_members PREWHERE journey IN {journeys:Array(String)}
