"""What commands print for programs: JSON documents with typed fields, and tab-separated rows.

One module per group of commands. Commands import these modules when they run.
"""
