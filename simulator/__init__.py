"""A synthetic hospital that talks MLLP, HTTP and X12 on loopback, and tells the truth about what it did.

Used by the demo, the verdicts benchmark and the tests. It imports nothing of Caretrail but the public
protocol modules, so that it stays an outside witness.
"""
