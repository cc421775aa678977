"""What is behind `manage.py simulate`: checks, the process table, and a supervisor that keeps its processes alive and leaves none behind.

`checks` and `preparation` come first and end in one sentence when something is wrong; `table` says what runs; `supervisor` runs it;
`guard` and `reaper` see to it that nothing outlives the supervisor; `announcement` is the banner.
"""
