%% SPDX-License-Identifier: Apache-2.0
%% The workers, by their argument:
%%   idle                      does nothing
%%   count                     adds up what it is told, and says the sum
%%   {notify, Pid, I}          tells Pid that it is up; crashes when told to
%%   {crash, Count}            counts its start and crashes at once
%%   {beat, Every, Timeout}    beats, each time moving a deadline of its own
%%   {monitor, Timeout, Pid}   keeps a deadline for each who beats, and tells Pid who missed it
-module(bench_worker).
-behaviour(gen_server).
-export([start_link/1, init/1, handle_call/3, handle_cast/2, handle_info/2]).

start_link(Argument) ->
    gen_server:start_link(?MODULE, Argument, []).

now_us() -> erlang:monotonic_time(nanosecond) / 1000.

init({notify, Pid, I}) ->
    Pid ! {up, I, self(), now_us()},
    {ok, I};
init({crash, Count}) ->
    counters:add(Count, 1, 1),
    self() ! crash,
    {ok, none};
init({beat, Every, Timeout}) ->
    erlang:send_after(rand:uniform(Every), self(), beat),
    {ok, {Every, Timeout, erlang:start_timer(Timeout, self(), missed)}};
init({monitor, Timeout, Pid}) ->
    {ok, {monitor, Timeout, #{}, Pid}};
init(count) ->
    {ok, {count, 0}};
init(idle) ->
    {ok, none}.

handle_call({add, By}, _, {count, N}) ->
    {reply, N + By, {count, N + By}};
handle_call(_, _, State) ->
    {reply, ok, State}.

handle_cast({add, By}, {count, N}) ->
    {noreply, {count, N + By}};
handle_cast({beat, I}, {monitor, Timeout, Timers, Pid}) ->
    case Timers of
        #{I := Timer} -> cancel(Timer);
        _ -> none
    end,
    New = erlang:start_timer(Timeout, self(), {missed, I}),
    {noreply, {monitor, Timeout, Timers#{I => New}, Pid}}.

handle_info(crash, _) ->
    exit(boom);
handle_info(beat, {Every, Timeout, Timer}) ->
    cancel(Timer),
    erlang:send_after(Every, self(), beat),
    {noreply, {Every, Timeout, erlang:start_timer(Timeout, self(), missed)}};
handle_info({timeout, _, {missed, I}}, {monitor, Timeout, Timers, Pid}) ->
    Pid ! {missed, I, now_us()},
    {noreply, {monitor, Timeout, maps:remove(I, Timers), Pid}}.

cancel(Timer) ->
    erlang:cancel_timer(Timer, [{async, true}, {info, false}]).
