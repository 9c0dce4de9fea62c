-- Removes the state of the on-call agent; the role stays, because other databases may use it.

drop schema oncall cascade;
