/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_ENDPOINT_HANDLERS_H
#define MN_API_ENDPOINT_HANDLERS_H

#include "api/call.h"

/* The handlers that route.c's table names; their contracts are H-7 and H-9. */

/* auth.c: H-7.1 */
void mn_api_auth_login(struct mn_api_call *call);
void mn_api_auth_refresh(struct mn_api_call *call);
void mn_api_auth_verify(struct mn_api_call *call);
void mn_api_auth_logout(struct mn_api_call *call);
/* user.c: 7.2 */
void mn_api_user_basic(struct mn_api_call *call);
void mn_api_user_profile(struct mn_api_call *call);
void mn_api_me_profile(struct mn_api_call *call);
void mn_api_me_code_reset(struct mn_api_call *call);
/* dnd.c: 7.8 */
void mn_api_dnd_dm_set(struct mn_api_call *call);
void mn_api_dnd_group_set(struct mn_api_call *call);
void mn_api_dnd_list(struct mn_api_call *call);
/* friend.c: 7.3 */
void mn_api_friend_relation_cursor(struct mn_api_call *call);
void mn_api_friend_relation_list(struct mn_api_call *call);
void mn_api_friend_request_by_code(struct mn_api_call *call);
void mn_api_friend_request_cursor(struct mn_api_call *call);
void mn_api_friend_request_decide(struct mn_api_call *call);
void mn_api_friend_request_list(struct mn_api_call *call);
/* single_chat.c: 7.4; since: as 7.7.3 */
void mn_api_conversation_cursor(struct mn_api_call *call);
void mn_api_conversation_list(struct mn_api_call *call);
void mn_api_message_cursor(struct mn_api_call *call);
void mn_api_message_list(struct mn_api_call *call);
void mn_api_message_since(struct mn_api_call *call);
void mn_api_member_state(struct mn_api_call *call);
/* call_record.c: 7.10 */
void mn_api_call_record_cursor(struct mn_api_call *call);
void mn_api_call_record_list(struct mn_api_call *call);
/* moment.c: 7.9 */
void mn_api_moment_post_create(struct mn_api_call *call);
void mn_api_moment_post_delete(struct mn_api_call *call);
void mn_api_moment_feed(struct mn_api_call *call);
void mn_api_moment_user(struct mn_api_call *call);
void mn_api_moment_like(struct mn_api_call *call);
void mn_api_moment_comment_create(struct mn_api_call *call);
void mn_api_moment_comment_delete(struct mn_api_call *call);
void mn_api_moment_comments(struct mn_api_call *call);
/* config.c: 7.11 */
void mn_api_client_config(struct mn_api_call *call);
/* front.c */
void mn_api_front(struct mn_api_call *call);
void mn_api_openapi(struct mn_api_call *call);
/* group.c: 7.5; group_join.c: 7.6; group_message.c: 7.7 */
void mn_api_group_basic(struct mn_api_call *call);
void mn_api_group_code_reset(struct mn_api_call *call);
void mn_api_group_create(struct mn_api_call *call);
void mn_api_group_leave(struct mn_api_call *call);
void mn_api_group_member_kick(struct mn_api_call *call);
void mn_api_group_member_list(struct mn_api_call *call);
void mn_api_group_member_mute(struct mn_api_call *call);
void mn_api_group_member_set_admin(struct mn_api_call *call);
void mn_api_group_owner_transfer(struct mn_api_call *call);
void mn_api_group_profile_by_code(struct mn_api_call *call);
void mn_api_group_profile_by_id(struct mn_api_call *call);
void mn_api_group_join_decide(struct mn_api_call *call);
void mn_api_group_join_request(struct mn_api_call *call);
void mn_api_group_join_requests(struct mn_api_call *call);
void mn_api_group_conversation_cursor(struct mn_api_call *call);
void mn_api_group_message_cursor(struct mn_api_call *call);
void mn_api_group_message_since(struct mn_api_call *call);
/* probe.c */
void mn_api_healthz(struct mn_api_call *call);
void mn_api_readyz(struct mn_api_call *call);
void mn_api_metrics(struct mn_api_call *call);

#endif
