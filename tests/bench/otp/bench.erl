%% SPDX-License-Identifier: Apache-2.0
%% The drivers of tests/bench/luvisor once more, for OTP's supervisor and gen_server.
%% usage: erl -noshell ... -s bench main -extra FIGURE N [SECONDS or SAMPLES]
-module(bench).
-export([main/0]).

main() ->
    process_flag(trap_exit, true),
    [Figure | Arguments] = init:get_plain_arguments(),
    run(list_to_atom(Figure), [list_to_integer(A) || A <- Arguments]),
    erlang:halt(0).

report(Name, Value, Unit) ->
    io:format("~s\t~.6f\t~s~n", [Name, float(Value), Unit]).

now_us() -> erlang:monotonic_time(nanosecond) / 1000.

percentile(List, Share) ->
    Sorted = lists:sort(List),
    lists:nth(max(1, ceil(length(Sorted) * Share)), Sorted).

resident() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = string:split(Text, " ", all),
    binary_to_integer(Pages) * 4096.

%% Seconds of CPU; user and system time are the 14th and 15th field, in ticks of 10 ms.
cpu() ->
    {ok, Text} = file:read_file("/proc/self/stat"),
    Fields = string:split(Text, " ", all),
    Ticks = [binary_to_integer(lists:nth(N, Fields)) || N <- [14, 15]],
    lists:sum(Ticks) / 100.

children(N, Argument) ->
    [bench_supervisor:child(I, Argument(I)) || I <- lists:seq(1, N)].

%% The pids of N notifying children in the order of their numbers.
await_all(N) ->
    [receive {up, I, Pid, _} -> Pid end || I <- lists:seq(1, N)].

%% ---- figures

run(start, [N]) ->
    {ok, Pool} = bench_supervisor:start_pool(),
    erlang:garbage_collect(),
    Resident = resident(),
    Began = now_us(),
    [{ok, _} = supervisor:start_child(Pool, [idle]) || _ <- lists:seq(1, N)],
    Took = now_us() - Began,
    report("start.time", Took / N, "us"),
    report("start.memory", (resident() - Resident) / N, "B");

run(restart, [N, Samples]) ->
    Me = self(),
    {ok, _} = bench_supervisor:start(one_for_one, children(N, fun(I) -> {notify, Me, I} end)),
    Latencies = restart(hd(await_all(N)), Samples),
    report("restart.p50", percentile(Latencies, 0.5), "us"),
    report("restart.p99", percentile(Latencies, 0.99), "us");

run(sustained, [N, Seconds]) ->
    Count = counters:new(1, []),
    {ok, _} = bench_supervisor:start(one_for_one, children(N, fun(_) -> {crash, Count} end)),
    timer:sleep(1000), % until the list of the window's restarts has its length
    Began = now_us(),
    Before = counters:get(Count, 1),
    timer:sleep(Seconds * 1000),
    report("sustained.rate", (counters:get(Count, 1) - Before) / (now_us() - Began) * 1.0e6, "1/s");

run(one_for_all, [N, Samples]) ->
    Me = self(),
    {ok, _} = bench_supervisor:start(one_for_all, children(N, fun(I) -> {notify, Me, I} end)),
    Times = one_for_all(hd(await_all(N)), N, Samples),
    report("one_for_all.time", percentile(Times, 0.5) / 1000, "ms");

run(heartbeat, [N, Seconds]) ->
    {ok, Pool} = bench_supervisor:start_pool(),
    [{ok, _} = supervisor:start_child(Pool, [{beat, 1000, 2000}]) || _ <- lists:seq(1, N)],
    timer:sleep(3000),
    Cpu = cpu(),
    Began = now_us(),
    timer:sleep(Seconds * 1000),
    Used = cpu() - Cpu,
    Took = (now_us() - Began) / 1.0e6,
    report("heartbeat.cpu", Used / Took * 100, "%"),
    report("heartbeat.beat", Used / Took / N * 1.0e6, "us");

run(late, [N]) ->
    {ok, Monitor} = bench_worker:start_link({monitor, 300, self()}),
    Beats = [beat_once(Monitor, I) || I <- lists:seq(1, N)],
    Late = [receive {missed, I, At} -> At - Beat - 300000 end || {I, Beat} <- Beats],
    report("late.p50", percentile(Late, 0.5) / 1000, "ms"),
    report("late.p99", percentile(Late, 0.99) / 1000, "ms");

run(message, [N, Callers]) ->
    {ok, Server} = bench_worker:start_link(count),
    Ask = fun(Count) -> [gen_server:call(Server, {add, 1}) || _ <- lists:seq(1, Count)] end,
    report("call.one", asked(1, N, Ask), "us"),
    report("call.many", asked(Callers, N, Ask), "us"),
    Tell = fun(Count) -> [tell(Server, I) || I <- lists:seq(1, Count)], Ask(1) end,
    report("cast.one", asked(1, N, Tell), "us");

run(cold, []) ->
    {ok, _} = bench_supervisor:start(one_for_one, children(1, fun(I) -> {notify, self(), I} end)),
    await_all(1),
    io:put_chars("running\n").

%% ---- parts of them

restart(_, 0) -> [];
restart(Pid, Samples) ->
    Began = now_us(),
    Pid ! crash,
    receive {up, 1, New, At} -> [At - Began | restart(New, Samples - 1)] end.

one_for_all(_, _, 0) -> [];
one_for_all(First, N, Samples) ->
    Began = now_us(),
    First ! crash,
    Up = [receive {up, I, Pid, At} -> {Pid, At} end || I <- lists:seq(1, N)],
    {Next, _} = hd(Up),
    [lists:max([At || {_, At} <- Up]) - Began | one_for_all(Next, N, Samples - 1)].

%% Microseconds of each of N, done by so many processes at once.
asked(Callers, N, Fun) ->
    Began = now_us(),
    Done = [spawn_monitor(fun() -> Fun(N div Callers) end) || _ <- lists:seq(1, Callers)],
    [receive {'DOWN', Reference, process, Pid, normal} -> ok end || {Pid, Reference} <- Done],
    (now_us() - Began) / N.

tell(Server, I) ->
    gen_server:cast(Server, {add, 1}),
    I rem 500 =:= 0 andalso gen_server:call(Server, {add, 1}).

beat_once(Monitor, I) ->
    timer:sleep(3),
    At = now_us(),
    gen_server:cast(Monitor, {beat, I}),
    {I, At}.
