/* SPDX-License-Identifier: MIT */
#include "dialogue/turn.h"
#include "tests/support/test.h"

struct seen {
    struct turn turn;
    enum turn_action acts[32];
    enum turn_event evs[32];
    enum turn_state states[32];
    unsigned count;
    enum turn_event raise_inside; /* once, when not TURN_EVENTS */
    bool close_inside;
};

static void act(void *user, enum turn_action a, enum turn_event ev)
{
    struct seen *s = user;
    s->acts[s->count] = a;
    s->evs[s->count] = ev;
    s->states[s->count++] = s->turn.state;
    if (s->close_inside)
        turn_close(&s->turn);
    if (s->raise_inside == TURN_EVENTS)
        return;
    enum turn_event next = s->raise_inside;
    s->raise_inside = TURN_EVENTS;
    turn_raise(&s->turn, next);
    assert_int_equal(s->count, 1); /* it waits until we have returned */
}

static struct seen seen_in(enum turn_state state)
{
    return (struct seen){ .turn = { .state = state, .act = act }, .raise_inside = TURN_EVENTS };
}

/* Rows: states, columns: events in the order of the list; where it leads (I H T S Y, '.': ignored) and by what. */
static void every_pair_of_state_and_event_is_as_drawn(void **state)
{
    static const struct { const char *to; enum turn_action acts[TURN_EVENTS]; } rows[TURN_STATES] = {
#define A(name) TURN_ACT_##name
        /*      DHNDSATQWALMPCA */
        /*      EEOESSEUONOULUB */
        [TURN_IDLE] = { "HT..S..........", { A(await_text), A(take_text), 0, 0, A(say) } },
        [TURN_HEAR] = { ".TIY..........I", { 0, A(take_text), A(hear_nothing), A(apologise), 0, 0, 0, 0, 0, 0, 0, 0,
                                             0, 0, A(give_up) } },
        [TURN_THINK] = { ".T...TSISSYY..I", { 0, A(take_over), 0, 0, 0, A(ask), A(tell), A(be_quiet), A(speak),
                                              A(conclude), A(apologise), A(apologise), 0, 0, A(give_up) } },
        [TURN_SPEAK] = { ".T...S..SSSYIII", { 0, A(take_over), 0, 0, 0, A(ask), 0, 0, A(speak), A(conclude),
                                              A(conclude_early), A(apologise), A(end), A(cut_off), A(give_up) } },
        [TURN_SORRY] = { ".T.........IIII", { 0, A(take_over), 0, 0, 0, 0, 0, 0, 0, 0, 0, A(show_apology), A(end),
                                              A(cut_off), A(give_up) } },
#undef A
    };
    static const char letters[] = "IHTSY";
    for (int from = 0; from < TURN_STATES; from++) {
        assert_int_equal(strlen(rows[from].to), TURN_EVENTS);
        for (int ev = 0; ev < TURN_EVENTS; ev++) {
            struct seen s = seen_in((enum turn_state)from);
            s.turn.user = &s;
            turn_raise(&s.turn, (enum turn_event)ev);
            char want = rows[from].to[ev];
            char got = s.count ? letters[s.turn.state] : '.';
            if (want != got || (s.count && s.acts[0] != rows[from].acts[ev]))
                fail_msg("%s on %s: %c, want %c", turn_state_name((enum turn_state)from),
                         turn_event_name((enum turn_event)ev), got, want);
            assert_int_equal(s.turn.state, s.count ? (int)s.states[0] : from);
        }
    }
}

static void from_every_state_an_abort_leads_to_idle(void **state)
{
    for (int from = TURN_HEAR; from < TURN_STATES; from++)
        assert_int_equal(turn_edge((enum turn_state)from, TURN_EV_ABORT)->to, TURN_IDLE);
}

static void an_event_raised_by_an_action_waits_for_its_end(void **state)
{
    struct seen s = seen_in(TURN_HEAR);
    s.turn.user = &s;
    s.raise_inside = TURN_EV_ASK;
    turn_raise(&s.turn, TURN_EV_HEARD);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.acts[1], TURN_ACT_ask);
    assert_int_equal(s.turn.state, TURN_THINK);
}

static void after_close_nothing_happens(void **state)
{
    struct seen s = seen_in(TURN_HEAR);
    s.turn.user = &s;
    s.raise_inside = TURN_EV_ASK;
    s.close_inside = true;
    turn_raise(&s.turn, TURN_EV_HEARD);
    turn_raise(&s.turn, TURN_EV_ABORT);
    assert_int_equal(s.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_state_and_event_is_as_drawn),
        cmocka_unit_test(from_every_state_an_abort_leads_to_idle),
        cmocka_unit_test(an_event_raised_by_an_action_waits_for_its_end),
        cmocka_unit_test(after_close_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
