/* The protocol of one engine's ring, for the model checker Spin: scheduler, memory manager, worker,
 * supervisor and the requests. Knows no policy beyond the order of arrival and no time.
 *
 * A block holds one token. A request has a prompt of one token and generates at most OUTPUT more; the
 * device may end it early. With fewer blocks than all of them need, somebody must give way. Each
 * request may be cancelled once at any moment, and the worker may crash once (CRASHES); what is under
 * way then arrives late in the next ring. A sequence is named by its request, so a second crash,
 * after which one ring may see two attempts of a request, is beyond this model.
 *
 * -DBUG_name plants a fault; the checks below must then find it (see check_model.sh).
 */
#ifndef REQUESTS
#define REQUESTS 2
#endif
#ifndef BLOCKS
#define BLOCKS 3
#endif
#ifndef OUTPUT
#define OUTPUT 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

#ifndef IMPATIENT
#define IMPATIENT 255 /* the requests that may be cancelled, a mask */
#endif

#if CRASHES > 1
#error "one crash at most"
#endif

#define LIMIT (1 + OUTPUT) /* tokens in all */
#define TABLE OUTPUT       /* the last token's position is never computed */
#define NONE 255
#define HAS(mask, r) (((mask) >> (r)) & 1)
#define WITH(mask, r) ((mask) | (1 << (r)))
#define WITHOUT(mask, r) ((mask) & ~(1 << (r)))

#ifdef BUG_THREE_STEPS
#define MAX_FLIGHTS 3
#else
#define MAX_FLIGHTS 2
#endif

typedef Proposal {
  byte ring;
  byte step;
  byte wishes;
  byte admissions; /* of the wishes */
  byte releases;
  byte victims;
  byte end[REQUESTS]
}
typedef Plan {
  byte ring;
  byte step;
  byte rows;
  byte seated; /* of the rows: with a fresh table */
  byte end[REQUESTS];
  byte growth[REQUESTS * TABLE] /* blocks that the tables grow by */
}
#define GROWTH(who, place) plan.growth[(who) * TABLE + (place)]
typedef Granted {
  byte ring;
  byte step;
  byte rows;
  byte deferred;
  byte preempted
}
typedef Computed {
  byte ring;
  byte step;
  byte rows;
  byte stopped /* of the rows: whose token is an end of sequence */
}

chan proposals = [2] of { Proposal };
chan plans = [4] of { Plan };
chan grants = [4] of { Granted };
chan results = [4] of { Computed };
/* ring, request, attempt, tokens; attempt 0: a cancel, which must not overtake what it belongs to */
chan attempts = [2 * REQUESTS] of { byte, byte, byte, byte };
chan crashed = [1] of { byte };
chan begin_ring = [1] of { byte };
chan ring_begun = [1] of { byte };

chan tokens[REQUESTS] = [6] of { byte, byte, bool }; /* attempt, position, last */
chan lost[REQUESTS] = [2] of { bool };

/* ---- the requests: the durable truth -------------------------------------------------------- */
byte num_tokens[REQUESTS];
byte num_ends[REQUESTS];
byte attempt[REQUESTS];

/* ---- the supervisor --------------------------------------------------------------------------- */
byte ring = 1;
bool ready = true;
byte num_crashes;

/* ---- the scheduler ---------------------------------------------------------------------------- */
#define ABSENT 0
#define WAITING 1
#define RUNNING 2
#define ENDED 3
typedef Sequence {
  byte state;
  byte attempt;
  byte known;
  byte computed;
  byte sampling; /* rows in flight that sample */
  bool held;     /* deferred, and nothing has come free since */
  bool in_vain   /* preempted, and nothing was released since */
}
typedef Flight {
  byte step;
  byte rows
}
typedef Scheduler {
  Sequence one[REQUESTS];
  bool outstanding;
  byte step;
  byte wishes;
  byte admissions;
  byte end[REQUESTS];
  byte releases;
  byte num_flights;
  Flight flights[MAX_FLIGHTS];
  bool has_held; /* a result that came before its grant, or behind an older one */
  Computed held
}
Scheduler s;

/* ---- the memory manager ----------------------------------------------------------------------- */
typedef Table {
  bool seated;
  byte num_blocks;
  byte block[TABLE]
}
typedef Memory {
  byte holder[BLOCKS]; /* NONE: free */
  Table table[REQUESTS]
}
Memory m;

/* ---- the device ------------------------------------------------------------------------------- */
byte worker_ring = 1;
Table seats[REQUESTS];
byte computed[REQUESTS];
byte content[BLOCKS]; /* who wrote which position there */
#define CONTENT(r, position) (1 + (r) * TABLE + (position))

/* Scratch, no part of the state: each is set before it is used, within one deterministic handler. */
hidden byte i, j, v;
hidden byte num_free, num_needed, num_possible, oldest;
hidden byte may_admit;
hidden Proposal p;
hidden Plan plan;
hidden Granted g;
hidden Computed c;

inline count_free() {
  num_free = 0;
  for (j : 0 .. BLOCKS - 1) {
    if
    :: m.holder[j] == NONE -> num_free++
    :: else
    fi
  }
}

inline vacate(who) {
  assert(m.table[who].seated);
  for (j : 0 .. TABLE - 1) {
    if
    :: j < m.table[who].num_blocks ->
      assert(m.holder[m.table[who].block[j]] == who);
      m.holder[m.table[who].block[j]] = NONE;
      m.table[who].block[j] = 0
    :: else
    fi
  }
  m.table[who].num_blocks = 0;
  m.table[who].seated = false
}

/* ---- the scheduler's rules ---- */

inline propose() {
  if
  :: !s.outstanding && s.num_flights < MAX_FLIGHTS ->
    p.ring = ring;
    p.wishes = 0;
    p.admissions = 0;
    p.victims = 0;
    p.releases = s.releases;
    may_admit = true;
    oldest = NONE;
    if
    :: s.releases ->
      for (i : 0 .. REQUESTS - 1) {
#ifndef BUG_LOST_WAKEUP
        s.one[i].held = false;
#endif
        s.one[i].in_vain = false
      }
    :: else
    fi;
    for (i : 0 .. REQUESTS - 1) {
      p.end[i] = 0;
      if
      :: s.one[i].state == RUNNING ->
        if
        :: oldest == NONE -> oldest = i
        :: else -> p.victims = WITH(p.victims, i)
        fi;
        may_admit = may_admit && !s.one[i].held;
        if
        :: !s.one[i].held && s.one[i].known + s.one[i].sampling < LIMIT &&
             s.one[i].computed < s.one[i].known + s.one[i].sampling ->
          p.wishes = WITH(p.wishes, i);
          p.end[i] = s.one[i].known + s.one[i].sampling
        :: else
        fi
      :: else
      fi
    }
    for (i : 0 .. REQUESTS - 1) {
      if
      :: may_admit && s.one[i].state == WAITING ->
        if
        :: (s.one[i].in_vain && oldest != NONE) || s.one[i].sampling > 0 -> may_admit = false
        :: else ->
          if
          :: !s.one[i].held ->
            p.wishes = WITH(p.wishes, i);
            p.admissions = WITH(p.admissions, i);
            p.end[i] = s.one[i].known
          :: else
          fi
        fi
      :: else
      fi
    }
    if
    :: p.wishes || p.releases ->
      s.step++;
      p.step = s.step;
      s.outstanding = true;
      s.wishes = p.wishes;
      s.admissions = p.admissions;
      for (i : 0 .. REQUESTS - 1) {
        s.end[i] = p.end[i]
      }
      s.releases = 0;
      proposals ! p
    :: else
    fi
  :: else
  fi
}

inline leave(who) {
  if
  :: s.one[who].state == RUNNING ->
#ifndef BUG_LEAK
    s.releases = WITH(s.releases, who)
#endif
  :: else
  fi;
  s.one[who].state = ENDED
}

/* The oldest flight is done, and `c` is its result. */
inline land() {
  for (i : 0 .. REQUESTS - 1) {
    if
    :: HAS(s.flights[0].rows, i) ->
      assert(HAS(c.rows, i));
      if
      :: s.one[i].state == RUNNING || s.one[i].state == WAITING ->
        assert(s.one[i].sampling > 0);
        s.one[i].sampling--;
        tokens[i] ! s.one[i].attempt, s.one[i].known,
          (HAS(c.stopped, i) || s.one[i].known + 1 == LIMIT);
        s.one[i].known++;
        if
        :: HAS(c.stopped, i) || s.one[i].known == LIMIT -> leave(i)
        :: else
        fi
      :: else
      fi
    :: else
    fi
  }
  for (i : 1 .. MAX_FLIGHTS - 1) {
    s.flights[i - 1].step = s.flights[i].step;
    s.flights[i - 1].rows = s.flights[i].rows
  }
  s.flights[MAX_FLIGHTS - 1].step = 0;
  s.flights[MAX_FLIGHTS - 1].rows = 0;
  s.num_flights--
}

inline take_result() {
  if
#ifndef BUG_STALE_RESULT
  :: c.ring != ring -> skip
#endif
  :: else ->
    if
    :: s.num_flights > 0 && s.flights[0].step == c.step -> land()
    :: else ->
#ifndef BUG_STALE_RESULT
      assert(!s.has_held);
#endif
      s.has_held = true;
      s.held.ring = c.ring;
      s.held.step = c.step;
      s.held.rows = c.rows;
      s.held.stopped = c.stopped
    fi
  fi
}

inline take_held() {
  if
  :: s.has_held && s.num_flights > 0 && s.flights[0].step == s.held.step ->
    s.has_held = false;
    c.step = s.held.step;
    c.rows = s.held.rows;
    c.stopped = s.held.stopped;
    s.held.ring = 0;
    s.held.step = 0;
    s.held.rows = 0;
    s.held.stopped = 0;
    land()
  :: else
  fi
}

inline take_answer(who) {
  if
  :: HAS(g.rows, who) ->
    if
    :: s.one[who].state == ENDED ->
      if
      :: HAS(s.admissions, who) -> s.releases = WITH(s.releases, who)
      :: else
      fi
    :: else ->
      s.one[who].state = RUNNING;
      s.one[who].computed = s.end[who];
      s.one[who].sampling++
    fi
  :: HAS(g.deferred, who) -> s.one[who].held = true
  :: else
  fi
}

inline take_sacrifice(who) {
  for (j : 0 .. REQUESTS - 1) {
    s.one[j].held = false
  }
  if
  :: s.one[who].state == RUNNING ->
    s.one[who].state = WAITING;
    s.one[who].computed = 0;
    s.one[who].in_vain = true
  :: else ->
    assert(HAS(s.releases, who));
#ifndef BUG_DOUBLE_FREE
    s.releases = WITHOUT(s.releases, who)
#endif
  fi
}

inline take_grant() {
  if
  :: g.ring != ring -> skip
  :: else ->
    assert(s.outstanding && g.step == s.step);
    s.outstanding = false;
    for (i : 0 .. REQUESTS - 1) {
      if
      :: HAS(s.wishes, i) -> take_answer(i)
      :: else
      fi;
      s.end[i] = 0
    }
    s.wishes = 0;
    s.admissions = 0;
    for (i : 0 .. REQUESTS - 1) {
      if
      :: HAS(g.preempted, i) -> take_sacrifice(i)
      :: else
      fi
    }
    if
    :: g.rows ->
      assert(s.num_flights < 2);
      s.flights[s.num_flights].step = g.step;
      s.flights[s.num_flights].rows = g.rows;
      s.num_flights++;
      take_held();
      take_held()
    :: else
    fi
  fi
}

active proctype scheduler() {
  byte to, who, number, count;
end:
  do
  :: d_step { grants ? g -> take_grant(); propose() }
  :: d_step {
    results ? c -> take_result();
    take_held();
    propose()
  }
  :: d_step {
    attempts ? to, who, number, count ->
    if
    :: to != ring /* mail for a scheduler that is dead */
    :: to == ring && number > 0 ->
      assert(s.one[who].state == ABSENT);
      s.one[who].state = WAITING;
      s.one[who].attempt = number;
      s.one[who].known = 1 + count;
      propose()
    :: to == ring && number == 0 ->
      if
      :: s.one[who].state == WAITING || s.one[who].state == RUNNING ->
        leave(who);
        propose()
      :: else
      fi
    fi;
    to = 0;
    who = 0;
    number = 0;
    count = 0
  }
  od
}

/* ---- the memory manager's rules ---- */

#define RANKS_BELOW(one, other) (one > other || !HAS(p.wishes, one))

inline sacrifice_for(who) {
  num_needed = p.end[who] - m.table[who].num_blocks;
  count_free();
  num_possible = num_free;
  for (v : 0 .. REQUESTS - 1) {
    if
    :: HAS(p.victims, v) && m.table[v].seated && v != who && RANKS_BELOW(v, who) ->
      num_possible = num_possible + m.table[v].num_blocks
    :: else
    fi
  }
  if
  :: num_possible < num_needed
  :: else ->
    v = REQUESTS;
    do
    :: num_free >= num_needed -> break
    :: else ->
      v--;
      if
      :: HAS(p.victims, v) && m.table[v].seated && v != who && RANKS_BELOW(v, who) ->
        vacate(v);
        g.preempted = WITH(g.preempted, v);
        count_free()
      :: else
      fi
    od
  fi
}

inline allocate(who) {
  plan.end[who] = p.end[who];
  plan.rows = WITH(plan.rows, who);
  g.rows = WITH(g.rows, who);
  if
  :: !m.table[who].seated ->
    m.table[who].seated = true;
    plan.seated = WITH(plan.seated, who)
  :: else
  fi;
  v = 0;
  for (j : 0 .. BLOCKS - 1) {
    if
    :: m.holder[j] == NONE && m.table[who].num_blocks < p.end[who] ->
      m.holder[j] = who;
      m.table[who].block[m.table[who].num_blocks] = j;
      m.table[who].num_blocks++;
      GROWTH(who, v) = j;
      v++
    :: else
    fi
  }
}

inline settle() {
  plan.ring = p.ring;
  plan.step = p.step;
  plan.rows = 0;
  plan.seated = 0;
  g.ring = p.ring;
  g.step = p.step;
  g.rows = 0;
  g.deferred = 0;
  g.preempted = 0;
  for (i : 0 .. REQUESTS - 1) {
    plan.end[i] = 0;
    for (j : 0 .. TABLE - 1) {
      GROWTH(i, j) = NONE
    }
    if
    :: HAS(p.releases, i) -> vacate(i)
    :: else
    fi
  }
  for (i : 0 .. REQUESTS - 1) {
    if
    :: HAS(p.wishes, i) && !HAS(g.preempted, i) ->
      sacrifice_for(i);
      if
      :: num_free >= num_needed -> allocate(i)
      :: else -> g.deferred = WITH(g.deferred, i)
      fi
    :: else
    fi
  }
#ifdef BUG_STALE_ROW
  /* who was sacrificed computes on, in blocks that are somebody else's now */
  for (i : 0 .. REQUESTS - 1) {
    if
    :: HAS(g.preempted, i) && HAS(p.wishes, i) ->
      plan.rows = WITH(plan.rows, i);
      plan.end[i] = p.end[i];
      g.preempted = WITHOUT(g.preempted, i);
      g.rows = WITH(g.rows, i)
    :: else
    fi
  }
#endif
  if
  :: plan.rows -> plans ! plan
  :: else
  fi;
  grants ! g
}

active proctype memory_manager() {
end:
  do
  :: d_step {
    proposals ? p ->
    if
    :: p.ring == ring -> settle()
    :: else
    fi
  }
  od
}

/* ---- the worker ---- */

inline compute(who) {
  for (j : 0 .. TABLE - 1) {
    if
    :: j < computed[who] ->
      assert(content[seats[who].block[j]] == CONTENT(who, j))
    :: j >= computed[who] && j < plan.end[who] ->
      assert(j < seats[who].num_blocks);
      content[seats[who].block[j]] = CONTENT(who, j)
    :: else
    fi
  }
  computed[who] = plan.end[who]
}

inline take_seats(who) {
  if
  :: HAS(plan.seated, who) ->
    seats[who].num_blocks = 0;
    computed[who] = 0
  :: else
  fi;
  for (j : 0 .. TABLE - 1) {
    if
    :: GROWTH(who, j) != NONE ->
      seats[who].block[seats[who].num_blocks] = GROWTH(who, j);
      seats[who].num_blocks++
    :: else
    fi
  }
}

inline execute() {
  for (i : 0 .. REQUESTS - 1) {
    if
    :: HAS(plan.rows, i) -> take_seats(i)
    :: else
    fi
  }
  for (i : 0 .. REQUESTS - 1) {
    if
    :: HAS(plan.rows, i) -> compute(i)
    :: else
    fi
  }
  c.ring = plan.ring;
  c.step = plan.step;
  c.rows = plan.rows;
  c.stopped = fate & plan.rows;
  results ! c
}

#define CRASH (1 << REQUESTS)

active proctype worker() {
  bool dead = false;
  byte fate; /* who of the next step is stopped by its token; or the crash of all */
end:
  do
  :: atomic {
    nempty(plans) ->
    do
    :: fate + 1 < CRASH -> fate++
    :: break
    :: num_crashes < CRASHES && !dead -> fate = CRASH; break
    od;
    d_step {
      plans ? plan ->
      if
      :: plan.ring != worker_ring || dead
      :: else ->
        if
        :: fate == CRASH ->
          num_crashes++;
          dead = true;
          crashed ! worker_ring
        :: else -> execute()
        fi
      fi;
      fate = 0
    }
  }
  :: d_step {
    begin_ring ? worker_ring ->
    dead = false;
    for (i : 0 .. REQUESTS - 1) {
      seats[i].num_blocks = 0;
      computed[i] = 0;
      for (j : 0 .. TABLE - 1) {
        seats[i].block[j] = 0
      }
    }
    for (j : 0 .. BLOCKS - 1) {
      content[j] = 0
    }
    ring_begun ! worker_ring
  }
  od
}

/* ---- the supervisor ---- */

inline clean_scheduler() {
  for (i : 0 .. REQUESTS - 1) {
    s.one[i].state = ABSENT;
    s.one[i].attempt = 0;
    s.one[i].known = 0;
    s.one[i].computed = 0;
    s.one[i].sampling = 0;
    s.one[i].held = false;
    s.one[i].in_vain = false;
    s.end[i] = 0
  }
  for (i : 0 .. MAX_FLIGHTS - 1) {
    s.flights[i].step = 0;
    s.flights[i].rows = 0
  }
  s.outstanding = false;
  s.step = 0;
  s.wishes = 0;
  s.admissions = 0;
  s.releases = 0;
  s.num_flights = 0;
  s.has_held = false;
  s.held.ring = 0;
  s.held.step = 0;
  s.held.rows = 0;
  s.held.stopped = 0
}

inline clean_memory() {
  for (j : 0 .. BLOCKS - 1) {
    m.holder[j] = NONE
  }
  for (i : 0 .. REQUESTS - 1) {
    m.table[i].seated = false;
    m.table[i].num_blocks = 0;
    for (j : 0 .. TABLE - 1) {
      m.table[i].block[j] = 0
    }
  }
}

active proctype supervisor() {
  byte number;
end:
  do
  :: d_step {
    crashed ? number ->
    ring++;
    ready = false;
    clean_scheduler();
    clean_memory();
    begin_ring ! ring;
    number = 0
  }
  :: d_step {
    ring_begun ? number ->
    ready = true;
    for (i : 0 .. REQUESTS - 1) {
      if
      :: attempt[i] > 0 && num_ends[i] == 0 -> lost[i] ! true
      :: else
      fi
    }
    number = 0
  }
  od
}

/* ---- a request and its client ---- */

inline finish() {
  num_ends[me]++;
  assert(num_ends[me] == 1)
}

proctype request(byte me) {
  byte number, position;
  bool last, ended, impatient;
  if
  :: HAS(IMPATIENT, me) -> impatient = true
  :: impatient = false
  fi;
  atomic { ready -> attempt[me] = 1; attempts ! ring, me, 1, 0 }
end:
  do
  :: d_step {
    tokens[me] ? number, position, last ->
    if
#ifdef BUG_ANY_ATTEMPT
    :: !ended ->
#else
    :: !ended && number == attempt[me] && position == 1 + num_tokens[me] ->
#endif
      assert(position == 1 + num_tokens[me]);
      num_tokens[me]++;
      assert(num_tokens[me] <= OUTPUT);
      if
      :: last ->
        finish();
        ended = true
      :: else
      fi
    :: else
    fi;
    number = 0;
    position = 0;
    last = false
  }
  :: d_step {
    lost[me] ? last ->
    if
    :: !ended ->
      attempt[me]++;
      attempts ! ring, me, attempt[me], num_tokens[me]
    :: else
    fi;
    last = false
  }
#ifdef BUG_TWO_ENDS
  :: atomic { num_ends[me] > 0 && nempty(tokens[me]) -> finish() }
#endif
  :: atomic {
    impatient && !ended -> /* the client leaves */
    finish();
    ended = true;
    attempts ! ring, me, 0, 0
  }
  od
}

/* When nothing moves any more, everybody has ended and every block is home. */
active proctype audit() {
  d_step {
    timeout;
    for (i : 0 .. REQUESTS - 1) {
      assert(num_ends[i] == 1);
      assert(!m.table[i].seated)
    }
    count_free();
    assert(num_free == BLOCKS);
    assert(!s.outstanding && s.num_flights == 0 && !s.releases)
  }
}

init {
  byte number = 0;
  d_step { clean_scheduler(); clean_memory() }
  atomic {
    do
    :: number < REQUESTS -> run request(number); number++
    :: else -> break
    od
  }
}

#ifdef LIVENESS
#if REQUESTS != 2
#error "the property names two requests"
#endif
ltl everybody_ends { <>(num_ends[0] == 1 && num_ends[1] == 1) }
#endif
