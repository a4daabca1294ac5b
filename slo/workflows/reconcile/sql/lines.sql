-- Messages of a workflow that follows journeys as a whole.
SELECT *, '' AS item FROM placed
