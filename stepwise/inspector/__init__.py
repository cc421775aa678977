"""One exchange of the message journal taken apart: what it said and changed, as files, without identities, beside another one."""
