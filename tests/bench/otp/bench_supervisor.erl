%% SPDX-License-Identifier: Apache-2.0
%% Supervisors of the workers of bench_worker that never give up.
-module(bench_supervisor).
-behaviour(supervisor).
-export([start/2, start_pool/0, child/2, init/1]).

start(Strategy, Children) ->
    supervisor:start_link(?MODULE, {Strategy, Children}).

start_pool() ->
    supervisor:start_link(?MODULE, pool).

child(Id, Argument) ->
    #{id => Id, start => {bench_worker, start_link, [Argument]}, shutdown => 5000}.

init(pool) ->
    Child = #{id => worker, start => {bench_worker, start_link, []}, shutdown => 5000},
    {ok, {flags(simple_one_for_one), [Child]}};
init({Strategy, Children}) ->
    {ok, {flags(Strategy), Children}}.

flags(Strategy) ->
    #{strategy => Strategy, intensity => 1000000000, period => 1}.
